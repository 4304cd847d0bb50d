"""Which Keras the package runs on, in fresh interpreters."""

import os
import subprocess
import sys

import pytest

from tests.sweeps import mostly_slow


def run_fresh(code, **variables):
    env = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"} | variables
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )


def test_import_turns_keras_2_on_and_loads_no_heavy_library_before_it_is_used():
    code = """
import sys, tfrs_ext, tensorflow as tf
from tfrs_ext import layers, losses, metrics, models, negatives, tasks
print([name for name in ("keras_tuner", "sklearn", "scipy.stats", "rich") if name in sys.modules])
print(tf.keras.layers.Layer.__module__)
"""
    run = run_fresh(code)
    assert run.returncode == 0, run.stderr
    heavy, module = run.stdout.splitlines()
    assert heavy == "[]"
    assert module.startswith("tf_keras.")


@pytest.mark.parametrize(
    ("code", "variables"),
    mostly_slow(
        [
            ("import tensorflow as tf; tf.keras.layers; import tfrs_ext", {}),
            ("import tensorflow; import tfrs_ext", {}),
            ("import tfrs_ext", {"TF_USE_LEGACY_KERAS": "0"}),
        ],
        lambda case: bool(case[1]),
    ),
)
def test_keras_3_is_refused_in_one_line_that_names_the_mend(code, variables):
    run = run_fresh(code, **variables)
    last = run.stderr.strip().splitlines()[-1]
    assert run.returncode == 1
    assert last.startswith("ImportError: tfrs_ext needs Keras 2")
    assert "TF_USE_LEGACY_KERAS=1" in last


@pytest.mark.slow
def test_tensorflow_that_was_imported_with_keras_2_is_accepted():
    code = "import tensorflow as tf; tf.keras.layers; import tfrs_ext; tfrs_ext.ops"
    assert run_fresh(code, TF_USE_LEGACY_KERAS="1").returncode == 0


@pytest.mark.slow
def test_import_adds_nothing_but_the_package_to_tfrs():
    code = """
import os, sys; os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow_recommenders
before = set(sys.modules)
import tfrs_ext
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""
    assert run_fresh(code).stdout.strip() == "['tfrs_ext']"

"""Which Keras the package runs on, in fresh interpreters."""

import os
import subprocess
import sys

import pytest


def run_fresh(code, **variables):
    env = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"} | variables
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )


def test_import_turns_keras_2_on_where_the_user_set_nothing():
    run = run_fresh("import tfrs_ext, tensorflow as tf; print(tf.keras.layers.Layer.__module__)")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("tf_keras.")


@pytest.mark.parametrize(
    ("code", "variables"),
    [
        ("import tensorflow as tf; tf.keras.layers; import tfrs_ext", {}),
        ("import tensorflow; import tfrs_ext", {}),
        ("import tfrs_ext", {"TF_USE_LEGACY_KERAS": "0"}),
    ],
)
def test_keras_3_is_refused_in_one_line_that_names_the_mend(code, variables):
    run = run_fresh(code, **variables)
    last = run.stderr.strip().splitlines()[-1]
    assert run.returncode == 1
    assert last.startswith("ImportError: tfrs_ext needs Keras 2")
    assert "TF_USE_LEGACY_KERAS=1" in last


def test_tensorflow_that_was_imported_with_keras_2_is_accepted():
    code = "import tensorflow as tf; tf.keras.layers; import tfrs_ext; tfrs_ext.ops"
    assert run_fresh(code, TF_USE_LEGACY_KERAS="1").returncode == 0


def test_heavy_libraries_load_only_when_used():
    code = """
import sys, tfrs_ext
from tfrs_ext import layers, losses, metrics, models, negatives, tasks
print([name for name in ("keras_tuner", "sklearn", "scipy.stats", "rich") if name in sys.modules])
"""
    run = run_fresh(code)
    assert run.stdout.strip() == "[]", run.stdout + run.stderr


def test_import_adds_nothing_but_the_package_to_tfrs():
    code = """
import os, sys; os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow_recommenders
before = set(sys.modules)
import tfrs_ext
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""
    assert run_fresh(code).stdout.strip() == "['tfrs_ext']"

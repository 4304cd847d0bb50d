"""keras-tuner and Keras 2 meet, and nobody else notices: in fresh interpreters."""

import os
import subprocess
import sys
import threading
import types

import pytest

from tfrs_ext.tuning import bridge


def run_fresh(code):
    env = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )


def printed(code):
    run = run_fresh(code)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.slow
def test_a_plain_import_afterwards_gets_the_bridged_one():
    code = """
from tfrs_ext import tuning
import keras_tuner, tf_keras
from keras_tuner.src.engine import tuner
print(keras_tuner.Hyperband is tuning.Hyperband, tuner.keras.Model is tf_keras.Model)
"""
    assert printed(code) == "True True"


@pytest.mark.slow
def test_scikit_learn_is_imported_when_a_search_uses_it():
    code = """
import sys
from tfrs_ext import tuning
print("sklearn" in sys.modules)
import keras_tuner
oracle = keras_tuner.oracles.BayesianOptimizationOracle(max_trials=1)
print(type(oracle.gpr).__module__)
"""
    assert printed(code) == "False\nsklearn.gaussian_process._gpr"


@pytest.fixture
def fake_sklearn(tmp_path, monkeypatch):
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").touch()
    (tmp_path / "sklearn" / "inner.py").write_text("value = 5")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("sklearn", "sklearn.inner"):
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]


@pytest.mark.usefixtures("fake_sklearn")
def test_other_threads_import_scikit_learn_while_keras_tuner_does_without():
    found = []

    def import_it():
        from sklearn import inner

        found.append(inner.value)

    with bridge._sklearn_later():
        with pytest.raises(ImportError):
            import_it()
        other = threading.Thread(target=import_it)
        other.start()
        other.join()
    assert found == [5]


@pytest.mark.usefixtures("fake_sklearn")
def test_scikit_learn_is_offered_where_it_was_not_found_whatever_the_module_is_called(monkeypatch):
    without, own, other = (types.ModuleType(f"keras_tuner.{i}") for i in range(3))
    without.sklearn, own.sklearn = None, "own"
    for module in (without, own, other):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in ("bayesian", "sklearn_tuner"):
        monkeypatch.delitem(sys.modules, f"keras_tuner.src.tuners.{name}")
    bridge._offer_sklearn()
    assert without.sklearn.inner.value == 5
    assert own.sklearn == "own"
    assert not hasattr(other, "sklearn")


@pytest.mark.slow
def test_keras_3_imported_before_stays_what_it_was():
    code = """
import tfrs_ext, sys, keras, keras.layers
before = {name: m for name, m in sys.modules.items() if name.split(".")[0] == "keras"}
import tfrs_ext.tuning
after = {name: m for name, m in sys.modules.items() if name.split(".")[0] == "keras"}
print(before == after, keras.__version__[0], len(before) > 100)
"""
    assert printed(code) == "True 3 True"


@pytest.mark.slow
def test_keras_3_imported_afterwards_is_keras_3():
    code = """
import tfrs_ext.tuning, sys
print([name for name in sys.modules if name.split(".")[0] == "keras"])
import keras
from keras.layers import Dense
print(keras.__version__[0], Dense.__module__)
"""
    assert printed(code) == "[]\n3 keras.src.layers.core.dense"


@pytest.mark.slow
def test_keras_tuner_imported_with_keras_3_is_refused_in_one_line_that_names_the_mend():
    run = run_fresh("import tfrs_ext, keras_tuner, tfrs_ext.tuning")
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: tfrs_ext.tuning needs keras_tuner on Keras 2")
    assert last.endswith("import tfrs_ext.tuning before keras_tuner.")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["keras_tuner", "keras_tuner.src.tuners"])
def test_a_missing_package_is_named_with_what_to_install(name):
    code = f"""
import sys, importlib.abc
import tfrs_ext, keras
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
try:
    import tfrs_ext.tuning
except ImportError as error:
    print(error)
print(keras.__version__[0], sys.modules["keras"] is keras, "keras_tuner" in sys.modules)
"""
    lines = printed(code).splitlines()
    assert lines[0] == f'tfrs_ext.tuning needs {name}: pip install "tfrs-ext[tune]"'
    assert lines[1] == "3 True False"

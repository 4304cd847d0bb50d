"""A package that isn't installed is named, with the extra that brings it."""

import ast
import dataclasses
import importlib.metadata
import re
import sys

import numpy as np
import pandas as pd
import pytest

from tests.house import ALL_FILES, REPOSITORY, tree_of
from tfrs_ext import bandits, indexes, report, serving
from tfrs_ext.indexes import scann_operations

RUN = report.RunSummary(
    title="A run", metrics={"model": {"ndcg_at_10": (0.2, 0.1, 0.3)}}, objective="ndcg_at_10"
)
ROWS = [{"trial": str(k), "score": float(k % 3), "values": {"rate": float(k)}} for k in range(12)]
LOG = {
    "user_id": [1, 2, 3],
    "time": [0, 1, 2],
    "eligible": [["a", "b"]] * 3,
    "chosen": ["a", "b", "a"],
    "reward": [0.0, 1.0, 1.0],
    "propensity": [0.5, 0.5, 0.5],
}


def _ask_scann(folder):
    scann_operations.scann_ops.cache_clear()
    indexes.ScaNN()


def _sample(folder):
    bandits.ThompsonSampling(("a", "b")).fit(pd.DataFrame(LOG)).policy([["a", "b"]])


def _write_faiss(folder):
    path, index = folder / "items.parquet", folder / "items.faiss"
    serving.export_embeddings(path, np.eye(2), {"item_id": [1, 2]}, faiss_path=index)


def _draw(folder):
    report.render_report(dataclasses.replace(RUN, history={"epoch": [0, 1], "loss": [2.0, 1.0]}))


def _block(monkeypatch, package):
    """Makes a package one that can't be imported, as if it weren't installed."""
    parts = [name for name in sys.modules if name.startswith(f"{package}.")]
    for name in (package, *parts):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize(
    ("package", "wanted", "use"),
    [
        ("faiss", "pip install faiss-cpu", _write_faiss),
        ("jinja2", "tfrs-ext[report]", lambda folder: report.render_report(RUN)),
        ("matplotlib", "tfrs-ext[report]", _draw),
        ("scann", "tfrs-ext[scann]", _ask_scann),
        ("scipy", "tfrs-ext[tune]", _sample),
        ("sklearn", "tfrs-ext[report]", lambda folder: report.importance(ROWS)),
        ("tensorboard", "tfrs-ext[report]", lambda folder: report.log_trials(folder, ROWS, "loss")),
    ],
)
def test_what_is_missing_is_named_with_its_extra(package, wanted, use, monkeypatch, tmp_path):
    _block(monkeypatch, package)
    with pytest.raises(ImportError, match=re.escape(wanted)):
        use(tmp_path)
    scann_operations.scann_ops.cache_clear()


def test_extras_that_messages_name_exist():
    files = [*ALL_FILES, *(REPOSITORY / "recipes").rglob("*.py")]
    said = {name for path in files for name in re.findall(r"tfrs-ext\[(\w+)\]", path.read_text())}
    assert said <= set(importlib.metadata.metadata("tfrs-ext").get_all("Provides-Extra"))


def test_nothing_but_what_is_required_is_imported_at_the_top_of_the_library():
    required = {"tensorflow", "tensorflow_recommenders", "tf_keras", "numpy", "pandas", "pyarrow"}
    required |= {"google"}  # Protocol buffers, which TensorFlow needs.
    # Each is imported by a function that answers for what is missing.
    behind_a_guard = {
        "rest/connections.py": {"uvicorn"},
        "rest/protocol.py": {"uvicorn"},
        "tuning": {"keras_tuner"},
    }
    for path in ALL_FILES:
        allowed = {p for part, found in behind_a_guard.items() if part in str(path) for p in found}
        tops = {name for node in tree_of(path).body for name in _imported(node)}
        unknown = tops - required - allowed - {"tfrs_ext"} - sys.stdlib_module_names
        assert not unknown, path


def _imported(node):
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [node.module.split(".")[0]]
    return []

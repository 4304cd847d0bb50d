"""Processes of this machine that train as one, and end together."""

import pathlib
import subprocess
import sys
import time
import types

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext.training import WorkerError, launch_workers
from tfrs_ext.training.shared_folder import is_chief

ROOT = pathlib.Path(__file__).parents[2]
PYTHON = [sys.executable, "-c"]
ROWS, BATCH = 192, 16


def test_each_worker_knows_its_place():
    said = launch_workers(
        [*PYTHON, "import json, os; print(json.loads(os.environ['TF_CONFIG'])['task']['index'])"],
        3,
    )
    assert said == ["0\n", "1\n", "2\n"]


def test_a_worker_that_is_killed_ends_all_and_is_named():
    code = (
        "import json, os, signal, time\n"
        "index = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
        "print('about to go', flush=True)\n"
        "if index == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        "time.sleep(60)"
    )
    with pytest.raises(WorkerError, match=r"Worker 1 of 2 ended with signal 9.*\nabout to go"):
        launch_workers([*PYTHON, code], 2)


def test_the_lines_of_the_first_worker_come_as_it_prints_them(tmp_path):
    seen, lines = tmp_path / "seen", []
    code = (
        "import json, os, sys, time\n"
        "print('a line of', json.loads(os.environ['TF_CONFIG'])['task']['index'], flush=True)\n"
        f"while not os.path.exists({str(seen)!r}): time.sleep(0.01)\n"
        "print('an error', file=sys.stderr)\n"
        "print('the last', end='')"
    )
    launch_workers(
        [*PYTHON, code], 2, print_fn=lambda line: (lines.append(line), seen.touch()), timeout_s=60
    )
    assert lines == ["a line of 0", "the last"]


def test_what_workers_write_aside_is_removed_however_they_end(tmp_path):
    code = (
        "import os, pathlib, signal, tempfile\n"
        f"pathlib.Path({str(tmp_path / 'where')!r}).write_text(tempfile.mkdtemp())\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    with pytest.raises(WorkerError):
        launch_workers([*PYTHON, code], 1)
    assert not pathlib.Path((tmp_path / "where").read_text()).exists()


@pytest.mark.parametrize(
    ("cluster", "task", "expected"),
    [
        ({}, None, True),
        ({"worker": ["a:1", "b:1"]}, ("worker", 0), True),
        ({"worker": ["a:1", "b:1"]}, ("worker", 1), False),
        ({"chief": ["a:1"], "worker": ["b:1"]}, ("chief", 0), True),
        ({"chief": ["a:1"], "worker": ["b:1"]}, ("worker", 0), False),
    ],
)
def test_one_process_of_a_cluster_is_the_chief(cluster, task, expected):
    resolver = None
    if task is not None:
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(cluster), task_type=task[0], task_id=task[1]
        )
    strategy = types.SimpleNamespace(cluster_resolver=resolver)
    assert is_chief(strategy) == expected


@pytest.mark.slow
def test_workers_end_with_the_process_that_launched_them():
    worker = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    code = (
        "import sys\n"
        "from tfrs_ext.training import launch_workers\n"
        f"launch_workers([sys.executable, '-c', {worker!r}], 1, print_fn=lambda line:"
        " print(line, flush=True))"
    )
    with subprocess.Popen([*PYTHON, code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        number = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        if not pathlib.Path(f"/proc/{number}").exists():
            break
        time.sleep(0.05)
    assert not pathlib.Path(f"/proc/{number}").exists()


def test_workers_that_take_too_long_are_ended():
    with pytest.raises(WorkerError, match=r"must be done within 0\.5 s"):
        launch_workers([*PYTHON, "import time; time.sleep(60)"], 1, timeout_s=0.5)
    with pytest.raises(ValueError, match="`num_workers` must be at least 1"):
        launch_workers(PYTHON, 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows so dealt that the shards of two workers, step by step, are the batches of one."""
    rng = np.random.default_rng(0)
    log = pd.DataFrame({"user_id": rng.integers(0, 9, ROWS), "item_id": rng.integers(0, 12, ROWS)})
    log["timestamp"] = range(ROWS)
    halves = log.to_numpy().reshape(-1, 2, BATCH // 2, 3)
    folders = {}
    for name, rows in (("one", log.to_numpy()), ("two", np.swapaxes(halves, 0, 1).reshape(-1, 3))):
        folders[name] = tmp_path_factory.mktemp(name)
        pd.DataFrame(rows, columns=log.columns).to_parquet(folders[name] / "log.parquet")
    return folders


@pytest.mark.slow
def test_two_workers_learn_and_evaluate_as_one_process_does(folder, tmp_path):
    env = {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "TF_USE_LEGACY_KERAS": "1"}
    found = {}
    for name, workers in (("one", 1), ("two", 2)):
        result = tmp_path / f"{name}.npz"
        command = [sys.executable, "-m", "tests.training.worker", str(folder[name]), str(result)]
        launch_workers([*command, str(ROWS // BATCH)], workers, env=env, timeout_s=500)
        found[name] = dict(np.load(result))
    assert (found["one"].pop("workers"), found["two"].pop("workers")) == (1, 2)
    for name in ("loss", "evaluated"):
        np.testing.assert_allclose(found["two"][name], found["one"][name], rtol=1e-4)
    # Adam's first steps enlarge what float32 rounds; all weights have moved by some tenths.
    for name in found["one"].keys() - {"seconds", "workers"}:
        np.testing.assert_allclose(found["two"][name], found["one"][name], atol=5e-3, err_msg=name)

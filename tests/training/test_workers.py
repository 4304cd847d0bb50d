"""Processes of this machine that train as one, and end together."""

import sys

import pytest

from tfrs_ext.training import WorkerError, launch_workers

PYTHON = [sys.executable, "-c"]


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


def test_workers_that_take_too_long_are_ended():
    with pytest.raises(WorkerError, match=r"must be done within 0\.5 s"):
        launch_workers([*PYTHON, "import time; time.sleep(60)"], 1, timeout_s=0.5)
    with pytest.raises(ValueError, match="`num_workers` must be at least 1"):
        launch_workers(PYTHON, 0)

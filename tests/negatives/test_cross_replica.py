import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.negatives import tower
from tests.negatives.ask import ask
from tfrs_ext.negatives import CrossReplica, InBatch

ROOT = pathlib.Path(__file__).parents[2]
CASES = [
    f"{kind}-{ids}" for kind in ("plain", "memory", "mixed") for ids in ("integers", "strings")
]
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_USE_LEGACY_KERAS": "1",
}


def _assert_agree(strategy, cases, *environments):
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.negatives.replicas", strategy, *cases],
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for environment in environments
    ]
    try:
        outputs = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-3000:]
        assert output.count(" agrees\n") == len(cases)


@pytest.mark.slow
def test_two_devices_learn_as_one_large_batch_does():
    _assert_agree("mirrored", CASES, {})


@pytest.mark.slow
def test_two_workers_learn_as_one_large_batch_does():
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("localhost", 0))
        workers = [f"localhost:{each.getsockname()[1]}" for each in (one, two)]
    tasks = [{"type": "worker", "index": index} for index in range(2)]
    _assert_agree(
        "workers",
        [case for case in CASES if case != "memory-strings"],
        *(
            {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": task})}
            for task in tasks
        ),
    )


@pytest.mark.slow
def test_rejects_a_memory_of_strings_among_workers():
    with pytest.raises(AssertionError, match="`id_dtype` must be 'int64' under MultiWorker"):
        _assert_agree("workers", ["memory-strings"], {})


def test_without_a_strategy_it_is_the_source():
    positives = tower.positives([1, 2], log_q=[-1.0, -2.0])
    for a, b in zip(ask(CrossReplica(), positives), ask(InBatch(), positives), strict=True):
        np.testing.assert_array_equal(a, b)

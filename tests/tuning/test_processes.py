"""Searches as real processes: SIGKILL, Ctrl-C, and a chief with two workers."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tfrs_ext import tuning
from tfrs_ext.tuning.trials.records import TrialRecords

pytestmark = pytest.mark.slow
TRIALS = 4


def start(folder, **variables):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "tests.tuning.process", str(folder), str(TRIALS)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process):
    output, _ = process.communicate(timeout=400)
    assert process.returncode == 0, output


def end_while_training(process, trial, seconds, number=signal.SIGKILL):
    for line in process.stdout:
        if line.startswith(f"trial {trial} of {TRIALS}: ") and "embedding_dim=" in line:
            break
    time.sleep(seconds)
    process.send_signal(number)
    process.communicate(timeout=100)
    assert process.returncode == -number


def outcome(folder, name="tuner0"):
    rows = tuning.SearchResult.load(folder / f"result_{name}.json").trials
    return {row["trial"]: (row["values"], row["score"], row["epochs"]) for row in rows}


def trained(folder):
    return (folder / "trained.jsonl").read_text().splitlines()


def test_a_search_killed_three_times_ends_as_one_that_was_not(tmp_path):
    finish(start(tmp_path / "whole"))
    killed = tmp_path / "killed"
    for trial, seconds in ((1, 0.2), (1, 1.0), (3, 0.5)):
        end_while_training(start(killed), trial, seconds)
    finish(start(killed))
    assert outcome(killed) == outcome(tmp_path / "whole")
    assert len(outcome(killed)) == TRIALS
    assert len(set(trained(killed))) == TRIALS
    # A training that ended counts: it is not done twice.
    assert sorted(trained(killed)) == sorted(trained(tmp_path / "whole"))


def test_ctrl_c_ends_the_search_at_once_and_the_same_command_goes_on(tmp_path):
    finish(start(tmp_path / "whole"))
    stopped = tmp_path / "stopped"
    end_while_training(start(stopped), 2, 0.5, signal.SIGINT)
    rows = TrialRecords(stopped / "p").read_states()
    assert [row["status"] for row in rows] == ["COMPLETED", "RUNNING"]
    finish(start(stopped))
    assert outcome(stopped) == outcome(tmp_path / "whole")
    assert len(trained(stopped)) == len(set(trained(stopped))) == TRIALS


def test_a_chief_and_two_workers_share_the_trials(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}
    names = ["chief", "worker0", "worker1"]
    processes = [start(tmp_path, KERASTUNER_TUNER_ID=name, **address) for name in names]
    for process in processes:
        finish(process)
    assert len(outcome(tmp_path, "chief")) == TRIALS
    assert all(score is not None for _, score, _ in outcome(tmp_path, "chief").values())
    assert len(trained(tmp_path)) == len(set(trained(tmp_path))) == TRIALS

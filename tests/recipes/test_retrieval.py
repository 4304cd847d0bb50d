"""The retrieval recipe, as a user runs it: in processes, on files, and killed."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from typer.testing import CliRunner

from recipes.retrieval import app
from tfrs_ext import serving

ROOT = pathlib.Path(__file__).parents[2]


def command(folder, *arguments):
    paths = ["--runs", str(folder / "runs"), "--base", str(folder / "base")]
    return [sys.executable, "-m", "recipes.retrieval", *arguments, *paths]


def run(folder, *arguments):
    return subprocess.run(
        command(folder, *arguments), cwd=ROOT, capture_output=True, text=True, check=False
    )


def run_here(folder, *arguments):
    return CliRunner().invoke(app, command(folder, *arguments)[3:])


def kill_when(folder, is_time, *arguments):
    """Starts the recipe and kills it at a moment; returns whether it came to that moment."""
    process = subprocess.Popen(
        command(folder, *arguments),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if is_time():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.02)
    return False


def entries(folder):
    return [p.name for p in folder.iterdir()] if folder.exists() else []


@pytest.mark.slow
def test_a_run_that_is_killed_in_every_stage_ends_as_if_it_had_not_been(tmp_path):
    runs, base = tmp_path / "runs", tmp_path / "base"
    everything = ("all", "--smoke")
    trials = lambda: list((runs / "tuner").glob("trial_*"))  # noqa: E731
    assert kill_when(tmp_path, lambda: len(trials()) == 2, *everything)
    assert not (runs / "hparams.json").exists()
    assert kill_when(tmp_path, (runs / "train" / "history.csv").exists, *everything)
    assert not (runs / "model.keras").exists()
    assert kill_when(tmp_path, lambda: bool(entries(base)), *everything)
    assert serving.list_versions(base) == []

    final = run(tmp_path, *everything)
    assert final.returncode == 0, final.stdout + final.stderr
    assert serving.list_versions(base) == [1]
    assert [name for name in entries(base) if name != "1"] in ([], [".lock"])
    assert len(json.loads((runs / "trials.json").read_text())) == 2
    epochs = pd.read_csv(runs / "train" / "history.csv")["epoch"].tolist()
    assert sorted(set(epochs)) == list(range(max(epochs) + 1))
    report = json.loads((runs / "metrics.json").read_text())
    assert report["model"]["ndcg_at_10"] > 1.2 * report["popularity"]["ndcg_at_10"]
    assert report["popularity"]["ndcg_at_10"] > 1.5 * report["random"]["ndcg_at_10"]

    answer = run(tmp_path, "query", "--user", "17", "-k", "3")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    rows = [line for line in answer.stdout.splitlines() if line.startswith("│")]
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("query", "--user", "1"), "run `export` first"),
        (("export", "--smoke"), "run `train` first"),
        (("train", "--data", "netflix"), "`data` must be one of synthetic, movielens-100k"),
        (("train", "--split", "by-weather"), "`split` must be one of global-time"),
        (("train", "--interactions", "no-such.csv"), "no-such.csv"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(tmp_path, arguments, message):
    result = run_here(tmp_path, *arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.stdout.split())
    assert "Traceback" not in result.output


def test_a_folder_of_other_data_is_refused(tmp_path):
    run_here(tmp_path, "export", "--smoke")
    output = " ".join(run_here(tmp_path, "export").stdout.split())
    assert "`--runs` must be a folder that was begun with the same data" in output

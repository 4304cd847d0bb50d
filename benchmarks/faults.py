"""Kills at random moments, and what they cost: trainings, their workers, and the whole recipe.

Each job is started, killed by SIGKILL a moment after a random line that it prints, and started
again, until it ends in peace; then the next one begins, until there were enough kills. A job
survives where its end equals that of the same job undisturbed. For the training by itself, each
step is logged: a step that was trained twice was lost.

Run: python -m benchmarks.faults
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.timing import write
from tfrs_ext import data, models, serving, training
from tfrs_ext._keras import keras

EPOCHS, BATCH, SAVE_EVERY = 4, 64, 20


class LogSteps(keras.callbacks.Callback):
    """Writes a byte for each step to a file, which a kill can't take back, and prints some."""

    def __init__(self, path: pathlib.Path) -> None:
        super().__init__()
        self.log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Writes one byte, and now and then a line."""
        os.write(self.log, b".")
        if batch % 7 == 0:  # Not in step with what is saved.
            print(f"step {batch}", flush=True)


def train(folder: pathlib.Path) -> None:
    """Trains a two-tower model resumably in a folder, and leaves its weights there."""
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(1)
    frames, _ = data.synthetic(num_users=400, num_items=200, interactions_per_user=30, seed=1)
    features = data.fit_features(frames, history_length=10)
    model = models.TwoTower.from_features(features.query, features.candidate, dropout=0.1)
    model.compile(keras.optimizers.Adam(0.003))
    batches = data.training_dataset(frames, features, BATCH, seed=1)
    training.fit_resumable(
        model,
        batches,
        folder / "train",
        monitor="loss",
        mode="min",
        epochs=EPOCHS,
        save_every=SAVE_EVERY,
        callbacks=[LogSteps(folder / "steps")],
    )
    np.savez(folder / "weights.npz", *model.get_weights())


def same_weights(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Returns whether two folders of `train` hold the same weights, to the last bit."""
    ours, theirs = np.load(one / "weights.npz"), np.load(other / "weights.npz")
    return all(np.array_equal(ours[name], theirs[name]) for name in theirs.files)


def same_reports(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Returns whether two recipes report the same metrics, and all that they published is whole."""
    reports = [json.loads((f / "runs" / "metrics.json").read_text()) for f in (one, other)]
    versions = [p for p in (other / "base").iterdir() if p.name != ".lock"]
    whole = [p.name.isdigit() and bool(serving.read_manifest(p)) for p in versions]
    return reports[0] == reports[1] and bool(whole) and all(whole)


def same_histories(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Returns whether the losses of all epochs agree to a ten-thousandth."""
    ours, theirs = (pd.read_csv(f / "runs" / "train" / "history.csv") for f in (one, other))
    return ours.shape == theirs.shape and bool(np.allclose(ours, theirs, rtol=1e-4))


def recipe(step: str, *options: str) -> Callable[[pathlib.Path], list[str]]:
    """Returns what makes the command of the retrieval recipe for a folder."""
    return lambda folder: [
        *("-m", "recipes.retrieval", step, "--smoke", *options),
        *("--runs", str(folder / "runs"), "--base", str(folder / "base")),
    ]


class Job(NamedTuple):
    """What is killed: its arguments for a folder, and whether two folders hold the same end."""

    name: str
    arguments: Callable[[pathlib.Path], list[str]]
    is_equal: Callable[[pathlib.Path, pathlib.Path], bool]
    has_workers: bool = False

    def command(self, folder: pathlib.Path) -> list[str]:
        """Returns the command of the job in a folder."""
        return [sys.executable, "-u", *self.arguments(folder)]


JOBS = (
    Job(
        f"training, saved every {SAVE_EVERY} steps",
        lambda folder: ["-m", "benchmarks.faults", "--train", str(folder)],
        same_weights,
    ),
    Job("recipe: tune, train, export, query", recipe("all"), same_reports),
    Job("a worker of two", recipe("train", "--workers", "2"), same_histories, has_workers=True),
)


def children(process: int) -> list[int]:
    """Returns the numbers of a process's children."""
    listed = pathlib.Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def lines_in(path: pathlib.Path) -> int:
    """Returns how many lines a job has printed."""
    return path.read_bytes().count(b"\n")


def kill_after(job: Job, folder: pathlib.Path, lines: int, rng: random.Random) -> bool:
    """Starts a job, and kills it or one of its workers a moment after so many lines.

    Returns:
        Whether it was still there to be killed.
    """
    said = folder / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(job.command(folder), stdout=out, stderr=subprocess.DEVNULL)
    while process.poll() is None and lines_in(said) < lines:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.5))
    if process.poll() is not None:
        return False
    victims = children(process.pid) if job.has_workers else []
    os.kill(rng.choice(victims or [process.pid]), signal.SIGKILL)
    process.wait(60)
    return True


def finish(job: Job, folder: pathlib.Path) -> int:
    """Lets a job end in peace; returns how many lines it printed."""
    with (folder / "said").open("wb") as out:
        subprocess.run(job.command(folder), check=True, stdout=out, stderr=subprocess.DEVNULL)
    return lines_in(folder / "said")


def disturb(job: Job, folder: pathlib.Path, kills: int, rng: random.Random) -> dict[str, Any]:
    """Runs a job undisturbed, then kills it at random moments; returns the figures."""
    calm = prepare(job, folder / "calm")
    lines = finish(job, calm)
    tried, jobs, survived, lost = 0, 0, 0, 0
    while tried < kills:
        jobs += 1
        shaken = prepare(job, folder / f"shaken-{jobs}")
        # The first kill may come at any line, later ones soon after the start, with less to do.
        while kill_after(job, shaken, rng.randint(1, lines), rng):
            tried += 1
            print(f"{job.name}: kill {tried} of {kills}", flush=True)
            if tried == kills:
                break
        finish(job, shaken)
        survived += job.is_equal(shaken, calm)
        if (calm / "steps").exists():
            lost += (shaken / "steps").stat().st_size - (calm / "steps").stat().st_size
    row = {"job": job.name, "jobs": jobs, "kills": tried, "jobs_that_ended_equal": survived}
    if (calm / "steps").exists():
        row.update(steps_a_job=(calm / "steps").stat().st_size, lost_steps=lost)
    return row


def prepare(job: Job, folder: pathlib.Path) -> pathlib.Path:
    """Makes the folder of a job."""
    (folder / "runs").mkdir(parents=True)
    if job.has_workers:
        # Replicas drop other units than one process: without dropout, all ways are one.
        (folder / "runs" / "hparams.json").write_text('{"dropout": 0.0}')
    return folder


def main() -> None:
    """Prints the figures and writes benchmarks/results/faults.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=pathlib.Path, help="The job itself, in this folder.")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.train:
        train(args.train)
        return
    rows = []
    for job in JOBS:
        folder = pathlib.Path(tempfile.mkdtemp())
        rows.append(disturb(job, folder, args.kills, random.Random(args.seed)))
        print(rows[-1], flush=True)
        if rows[-1]["jobs_that_ended_equal"] == rows[-1]["jobs"]:
            shutil.rmtree(folder)
    write("faults", {"seed": args.seed, "jobs": rows})


if __name__ == "__main__":
    main()

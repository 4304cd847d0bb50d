"""NeuMF on the protocol of its paper: MovieLens-1M, each user's last film among 99 others.

The files of the authors' evaluation: one held-out film a user, ranked against 99 that the user has
not rated; ties count against the model. Training: all other ratings as positives, four negatives
for each, drawn anew every epoch; 8 factors; GMF, MLP and NeuMF from the start by Adam, NeuMF from
the trained halves by SGD. The paper has batches of 256 and up to 100 epochs (20 in its code);
these are larger and fewer, so the figures are to be read beside the epochs.

Run: python -m benchmarks.ncf_movielens --path FOLDER
"""

import argparse
import functools
import pathlib
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from benchmarks.columns import batches
from benchmarks.ledger import Ledger, Row
from tfrs_ext import models, optimizers
from tfrs_ext.features import Categorical

BATCH, FACTORS, NEGATIVES = 2048, 8, 4
HALVES = {"GMF": ("gmf",), "MLP": ("mlp",)}


class Task:
    """The ratings but each user's held-out one, and the lists to rank."""

    def __init__(self, folder: str) -> None:
        root = pathlib.Path(folder)
        lists = pd.read_parquet(root / "ncf_eval_99neg.parquet").sort_values("user_id")
        ratings = pd.read_parquet(root / "ratings.parquet", columns=["user_id", "movie_id"])
        self.movies = np.unique(ratings.movie_id)
        users = ratings.user_id.to_numpy() - 1
        self.size = len(self.movies)
        pairs = users * self.size + np.searchsorted(self.movies, ratings.movie_id)
        held_out = np.searchsorted(self.movies, lists.pos_movie_id)
        others = np.searchsorted(self.movies, np.stack(lists.neg_movie_ids.to_list()))
        self.lists = np.concatenate([held_out[:, None], others], axis=1)
        self.known = np.zeros(len(lists) * self.size, bool)
        self.known[pairs] = True
        self.pairs = np.setdiff1d(pairs, np.arange(len(lists)) * self.size + held_out)
        self.features = [
            Categorical("user", tuple(range(len(lists)))),
            Categorical("movie", tuple(range(self.size))),
        ]

    def epoch(self, seed: int) -> tf.data.Dataset:
        """Returns shuffled batches of the positives and of fresh negatives."""
        generator = np.random.default_rng(seed)
        users = np.repeat(self.pairs // self.size, NEGATIVES)
        drawn = users * self.size + generator.integers(self.size, size=len(users))
        while len(taken := np.flatnonzero(self.known[drawn])):
            fresh = generator.integers(self.size, size=len(taken))
            drawn[taken] = users[taken] * self.size + fresh
        rows = np.concatenate([self.pairs, drawn])
        labels = np.repeat([1.0, 0.0], [len(self.pairs), len(drawn)]).astype(np.float32)
        order = generator.permutation(len(rows))
        columns = {"user": rows[order] // self.size, "movie": rows[order] % self.size}
        return batches(columns, labels[order], BATCH)

    def scores(self, model: Any) -> dict[str, float]:
        """Returns HR@10 and NDCG@10 over the lists."""
        users = np.repeat(np.arange(len(self.lists)), self.lists.shape[1])
        columns = {"user": users, "movie": self.lists.ravel()}
        rows = batches(columns, np.zeros(len(users)), 16384)
        predicted = model.predict(rows, verbose=0).reshape(self.lists.shape)
        above = (predicted[:, 1:] >= predicted[:, :1]).sum(1)
        gains = np.where(above < 10, np.log(2) / np.log(above + 2), 0.0)
        return {"hr_at_10": float((above < 10).mean()), "ndcg_at_10": float(gains.mean())}


def fit(task: Task, model: Any, optimizer: Any, epochs: int, seed: int) -> Row:
    """Trains; returns the best epoch's metrics, as the authors' code does, and all of them."""
    model.compile(optimizer, "binary_crossentropy", steps_per_execution=50)
    found = []
    for epoch in range(epochs):
        model.fit(task.epoch(1_000 * seed + epoch), verbose=0)
        found.append(task.scores(model))
        print("   ", epoch + 1, found[-1], flush=True)
    best = max(range(epochs), key=lambda epoch: found[epoch]["hr_at_10"])
    return {**found[best], "best_epoch": best + 1, "hr_by_epoch": [f["hr_at_10"] for f in found]}


def build(task: Task, seed: int, **arguments: Any) -> models.NeuMF:
    """Returns an untrained model."""
    tf.keras.utils.set_random_seed(seed)
    return models.NeuMF(task.features, FACTORS, **arguments)


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.004)
    parser.add_argument("--halves", default="runs/ncf", help="Folder for the trained halves.")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    task = Task(args.path)
    facts = {"positives": len(task.pairs), "users": len(task.lists), "batch": BATCH}
    ledger = Ledger("ncf_movielens", facts, total=4 * args.seeds)
    for seed in range(1, args.seeds + 1):
        key = {"rate": args.rate, "epochs": args.epochs, "seed": seed}
        folder = pathlib.Path(args.halves, f"{seed}-{args.rate}-{args.epochs}")
        for name, branches in HALVES.items():
            call = functools.partial(train_half, task, folder / name, branches, args, seed)
            ledger.run(call, model=name, **key)
        ledger.run(functools.partial(pretrained, task, folder, args, seed), model="NeuMF", **key)
        whole = functools.partial(from_the_start, task, args, seed)
        ledger.run(whole, model="NeuMF from the start", **key)
    show(ledger)


def train_half(task: Task, path: Any, branches: tuple[str, ...], args: Any, seed: int) -> Row:
    """Trains one half and keeps its weights."""
    model = build(task, seed, branches=branches)
    row = fit(task, model, optimizers.LazyAdam(args.rate), args.epochs, seed)
    model.save_weights(path)
    return row


def pretrained(task: Task, folder: Any, args: Any, seed: int) -> Row:
    """Puts the halves together and goes on by SGD."""
    halves = [build(task, seed, branches=branches) for branches in HALVES.values()]
    for name, half in zip(HALVES, halves, strict=True):
        half.load_weights(folder / name).expect_partial()
    model = build(task, seed)
    model.pretrain(*halves)
    before = task.scores(model)["hr_at_10"]
    optimizer = tf.keras.optimizers.legacy.SGD(args.rate)  # Keras's newer one walks all rows.
    return {**fit(task, model, optimizer, 2, seed), "hr_before": before}


def from_the_start(task: Task, args: Any, seed: int) -> Row:
    """Trains both halves at once."""
    model = build(task, seed)
    return fit(task, model, optimizers.LazyAdam(args.rate), args.epochs, seed)


def show(ledger: Ledger) -> None:
    """Prints a table in Markdown."""
    print("\n| model | seeds | best epoch | HR@10 | NDCG@10 |\n|---|---|---|---|---|")
    for name in (*HALVES, "NeuMF", "NeuMF from the start"):
        rows = ledger.find(model=name)
        if rows:
            means = [
                np.mean([row[metric] for row in rows]) for metric in ("hr_at_10", "ndcg_at_10")
            ]
            epochs = ", ".join(map(str, sorted({row["best_epoch"] for row in rows})))
            cells = [name, len(rows), epochs, *(f"{mean:.3f}" for mean in means)]
            print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()

"""Does attention to the candidate pay? Base, DIN, DIN with Dice and DIEN on Amazon Beauty 2014.

Global-time split. A row is a purchase with what the user bought before it, the latest 10; beside
each positive stands one item drawn evenly among those that the user never bought, as in the papers.
Rows without any history, and held-out rows of items that training never saw, are left out. `base`
sums the history, whatever the candidate, and `with product` adds the product of both, as DIEN's
authors have it in their code; all models share one table for candidate and history, of
width 16, and a network of 200 and 80. The learning rate is tuned on `base` with seed 0, and serves
all; the test part is asked after the epoch that was best on the validation part, by AUC.

Run: python -m benchmarks.ctr_history --path FOLDER
"""

import argparse
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.columns import AtEpochEnd, auc, batches, log_loss
from benchmarks.ledger import Ledger, Row, figure
from tfrs_ext import data, layers, metrics, models, optimizers
from tfrs_ext.features import Categorical, History

BATCH, WIDTH, LENGTH, HIDDEN = 512, 16, 10, (200, 80)
RATES = (0.001, 0.003)
METRICS = ("auc", "gauc", "log_loss")


class Base(models.RankingModel):
    """DIN's base model: the sum of the history beside the candidate, and perhaps their product."""

    def __init__(self, features: list[Any], activation: Any, has_product: bool) -> None:
        super().__init__(features)
        self.has_product = has_product
        size = len(features[0].vocabulary)
        self.items = tf.keras.layers.Embedding(size, WIDTH, embeddings_initializer="glorot_normal")
        self.deep = layers.MLP(HIDDEN, activation)
        self.create()

    def hidden(self, inputs: Mapping[str, tf.Tensor], training: Any) -> tf.Tensor:
        """Returns the network's output."""
        history = inputs["history"]
        kept = tf.cast(history >= 0, tf.float32)
        total = tf.einsum("bl,bld->bd", kept, self.items(tf.maximum(history, 0)))
        candidate = self.items(inputs["item_id"])
        parts = [candidate, total] + [candidate * total] * self.has_product
        return self.deep(tf.concat(parts, 1), training=training)


def build(name: str, features: list[Any]) -> models.RankingModel:
    """Returns a model by the name that the table has for it."""
    sizes = {"embedding_dim": WIDTH, "hidden_units": HIDDEN}
    kind, activation = name.split(", ")
    choice, has_product = activation.lower(), kind.endswith("with product")
    if kind.startswith("base"):
        return Base(features, choice, has_product)
    common = {"item_id": "item_id", "activation": choice, **sizes}
    if kind == "DIEN":
        return models.DIEN(features, **common)
    return models.DIN(features, history_product=has_product, **common)


MODELS = (
    "base, PReLU",
    "base, Dice",
    "base with product, Dice",
    "DIN, sigmoid",
    "DIN, PReLU",
    "DIN, Dice",
    "DIN with product, Dice",
    "DIEN, Dice",
)


class Task:
    """Rows with histories in three parts; each positive is followed by its negative."""

    def __init__(self, folder: str) -> None:
        frames = data.load_frames(f"{folder}/interactions.parquet")
        split = data.global_time_split(frames)
        counts = np.bincount(split.train.item_rows(), minlength=len(frames.items))
        self.known = np.flatnonzero(counts)
        self.code = np.full(len(counts), -1)
        self.code[self.known] = np.arange(len(self.known))
        self.bought = frames.user_rows() * len(counts) + frames.item_rows()
        vocabulary = tuple(range(len(self.known)))
        self.features = [
            Categorical("item_id", vocabulary),
            History("history", vocabulary, length=LENGTH),
        ]
        fitted = data.fit_features(split.train, history_length=LENGTH)
        self.ids = data.FeatureSet((fitted.history,), fitted.candidate[:1])
        self.rows_of_id = {id: row for row, id in enumerate(frames.items["item_id"])}
        self.parts = {
            "train": self._rows(split.train, None),
            "validation": self._rows(split.validation, split.train),
            "test": self._rows(split.test, data.join(split.train, split.validation)),
        }

    def _rows(self, part: data.Frames, before: data.Frames | None) -> dict[str, np.ndarray]:
        whole = data.training_dataset(part, self.ids, 8192, history=before, shuffle=False)
        parts = [batch["history"] for batch in whole.as_numpy_iterator()]
        lookup = np.vectorize(lambda id: self.code[self.rows_of_id[id]] if id != -1 else -1)
        history = lookup(np.concatenate(parts)).astype(np.int64)
        items, users = part.item_rows(), part.user_rows()
        kept = (history >= 0).any(1) & (self.code[items] >= 0)
        return {"history": history[kept], "item": items[kept], "user": users[kept]}

    def with_negatives(self, part: str, seed: int) -> tuple[Row, np.ndarray, np.ndarray]:
        """Returns the columns, the labels and the users; positives first, then negatives."""
        rows, size = self.parts[part], len(self.code)
        generator = np.random.default_rng(seed)
        drawn = generator.choice(self.known, len(rows["item"]))
        while (taken := np.isin(rows["user"] * size + drawn, self.bought)).any():
            drawn[taken] = generator.choice(self.known, taken.sum())
        items = self.code[np.concatenate([rows["item"], drawn])]
        columns = {"item_id": items, "history": np.concatenate([rows["history"]] * 2)}
        labels = np.repeat([1.0, 0.0], len(drawn)).astype(np.float32)
        return columns, labels, np.concatenate([rows["user"]] * 2)


def scores(task: Task, model: Any, part: str) -> dict[str, float]:
    """Returns the metrics on a held-out part, whose negatives are always the same."""
    columns, labels, users = task.with_negatives(part, seed=0)
    predicted = model.predict(batches(columns, labels, 4096), verbose=0)[:, 0]
    grouped = metrics.GAUC(num_users=len(np.unique(users)))
    grouped.update_state(labels, predicted, users)
    area, loss = auc(labels, predicted), log_loss(labels, predicted)
    return {"auc": area, "gauc": float(grouped.result()), "log_loss": loss}


def train(task: Task, name: str, rate: float, seed: int, epochs: int) -> Row:
    """Trains a model; returns its metrics on the test part after its best epoch."""
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(seed)
    model = build(name, task.features)
    model.compile(optimizers.LazyAdam(rate), "binary_crossentropy", steps_per_execution=20)
    columns, labels, _ = task.with_negatives("train", seed)
    stages = AtEpochEnd(lambda model: scores(task, model, "validation"))
    model.fit(batches(columns, labels, BATCH, seed), epochs=epochs, callbacks=[stages], verbose=0)
    best = stages.restore_best("auc")
    validation = stages.kept[best - 1]["auc"]
    return {**scores(task, model, "test"), "validation_auc": validation, "best_epoch": best}


def tune(ledger: Ledger, task: Task, epochs: int) -> float:
    """Returns the learning rate with the best AUC of the base model on the validation part."""
    found = {}
    for rate in RATES:
        call = functools.partial(train, task, MODELS[0], rate, 0, epochs)
        key = {"model": MODELS[0], "rate": rate, "epochs": epochs}
        found[rate] = ledger.run(call, stage="tune", **key)["validation_auc"]
    return max(found, key=lambda rate: found[rate])


def show(ledger: Ledger, epochs: int) -> None:
    """Prints a table in Markdown, with the differences to the first model, seed by seed."""
    key = {"stage": "test", "epochs": epochs}
    print("\n| model | seeds | best epoch | AUC | GAUC | log loss | GAUC against base |")
    print("|---|---|---|---|---|---|---|")
    first = {row["seed"]: row["gauc"] for row in ledger.find(**key, model=MODELS[0])}
    for name in MODELS:
        rows = ledger.find(**key, model=name)
        if rows:
            cells = [figure([row[metric] for row in rows]) for metric in METRICS]
            cells.append(figure([row["gauc"] - first[row["seed"]] for row in rows], "+"))
            best = ", ".join(map(str, sorted({row["best_epoch"] for row in rows})))
            print("|", " | ".join(map(str, [name, len(rows), best, *cells])), "|")


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    task = Task(args.path)
    facts = {"positives": {part: len(rows["item"]) for part, rows in task.parts.items()}}
    facts["items"] = len(task.known)
    facts["known_items_in_a_test_history"] = float(
        (task.parts["test"]["history"] >= 0).sum(1).mean()
    )
    ledger = Ledger("ctr_history", facts, len(RATES) + len(MODELS) * args.seeds)
    rate = tune(ledger, task, args.epochs)
    for seed in range(1, args.seeds + 1):
        for name in MODELS:
            call = functools.partial(train, task, name, rate, seed, args.epochs)
            key = {"model": name, "rate": rate, "epochs": args.epochs, "seed": seed}
            ledger.run(call, stage="test", **key)
    show(ledger, args.epochs)


if __name__ == "__main__":
    main()

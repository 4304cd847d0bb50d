"""The MovieLens-1M task of the DCN-V2 paper: DNN, DCN, DCN-V2 and DCN-Mix.

`paper`: ratings 1 and 2 against 4 and 5, 3 left out, users 1 to 2999 (the others' low ratings are
not whole in the copy at hand). `ge4`: ratings of 4 and more against the rest, all users. Both: six
categorical columns (user, movie, gender, age, occupation, zip code), a random split 80/10/10 that
all runs share, embeddings of 30, batches of 128, Adam, gradients clipped at 10. Weights are
averaged with .999 where the paper has .9999: our runs are so short that .9999 would mostly hold the
initial weights. The learning rate is tuned on DNN alone, with seed 0 and two epochs, by the AUC on
the validation part, and serves all models; the test part is asked after the epoch that was best on
the validation part.

Run: python -m benchmarks.ctr_movielens --path FOLDER
"""

import argparse
import functools
import pathlib
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from benchmarks.columns import AtEpochEnd, Columns, auc, batches, log_loss, select
from benchmarks.ledger import Ledger, Row, figure
from tfrs_ext import models, optimizers
from tfrs_ext.features import Categorical

BATCH, WIDTH = 128, 30
RATES = (0.0005, 0.001, 0.002)
DEEP = (192, 64)
# Each about as large as in the paper, without the embeddings: 46,000 for DNN, 110,000 else.
MODELS: dict[str, dict[str, Any]] = {
    "DNN": {"cross_layers": 0, "hidden_units": DEEP},
    "DCN": {"cross_layers": 2, "parameterization": "vector", "hidden_units": (256, 256)},
    "DCN-V2": {"cross_layers": 2, "hidden_units": DEEP},
    "DCN-Mix": {
        "cross_layers": 3,
        "projection_dim": 14,
        "num_experts": 4,
        "hidden_units": DEEP,
    },
}


class Task:
    """Rows with labels, in three parts."""

    def __init__(self, name: str, folder: str) -> None:
        root = pathlib.Path(folder)
        ratings = pd.read_parquet(root / "ratings.parquet")
        if name == "paper":
            ratings = ratings[(ratings.user_id < 3000) & (ratings.rating != 3)]
            labels = (ratings.rating > 3).to_numpy(np.float32)
        else:
            labels = ratings.label_ge4.to_numpy(np.float32)
        table = ratings[["user_id", "movie_id"]].merge(
            pd.read_parquet(root / "users.parquet"), on="user_id", how="left"
        )
        codes = {column: pd.factorize(table[column]) for column in table}
        columns = {column: code.astype(np.int64) for column, (code, _) in codes.items()}
        self.features = [
            Categorical(column, tuple(range(len(values)))) for column, (_, values) in codes.items()
        ]
        order = np.random.default_rng(0).permutation(len(labels))
        tenth = len(labels) // 10
        cuts = {"test": order[:tenth], "validation": order[tenth : 2 * tenth]}
        cuts["train"] = order[2 * tenth :]
        self.parts: dict[str, tuple[Columns, np.ndarray]] = {
            part: (select(columns, rows), labels[rows]) for part, rows in cuts.items()
        }


def train(task: Task, name: str, rate: float, seed: int, epochs: int) -> Row:
    """Trains a model; returns its metrics on the test part after its best epoch."""
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(seed)
    model = models.DCN(task.features, WIDTH, structure="parallel", **MODELS[name])
    model.compile(
        optimizers.LazyAdam(rate, use_ema=True, ema_momentum=0.999, global_clipnorm=10.0),
        "binary_crossentropy",
        steps_per_execution=50,
    )

    def scores(part: str) -> dict[str, float]:
        columns, labels = task.parts[part]
        predicted = model.predict(batches(columns, labels, 8192), verbose=0)[:, 0]
        return {"auc": auc(labels, predicted), "log_loss": log_loss(labels, predicted)}

    stages = AtEpochEnd(lambda _: scores("validation"))
    rows = batches(*task.parts["train"], BATCH, seed)
    model.fit(rows, epochs=epochs, callbacks=[stages], verbose=0)
    best = stages.restore_best("auc")
    return {
        **scores("test"),
        "validation_auc": stages.kept[best - 1]["auc"],
        "best_epoch": best,
        "parameters": int(
            sum(np.prod(v.shape) for v in model.trainable_variables if "embedding" not in v.name)
        ),
    }


def tune(ledger: Ledger, task: Task, name: str) -> float:
    """Returns the learning rate with the best AUC of DNN on the validation part."""
    found = {}
    for rate in RATES:
        call = functools.partial(train, task, "DNN", rate, 0, epochs=2)
        found[rate] = ledger.run(call, stage="tune", task=name, model="DNN", rate=rate, epochs=2)
    return max(found, key=lambda rate: found[rate]["validation_auc"])


def show(ledger: Ledger, task: str, epochs: int) -> None:
    """Prints a table in Markdown, with the differences to DNN, seed by seed."""
    print(
        f"\n{task}\n| model | parameters | seeds | best epoch | AUC | log loss | AUC against DNN |"
    )
    print("|---|---|---|---|---|---|---|")
    key = {"stage": "test", "task": task, "epochs": epochs}
    first = {row["seed"]: row["auc"] for row in ledger.find(**key, model="DNN")}
    for name in MODELS:
        rows = ledger.find(**key, model=name)
        if rows:
            figures = [figure([row[metric] for row in rows]) for metric in ("auc", "log_loss")]
            figures.append(figure([row["auc"] - first[row["seed"]] for row in rows], "+"))
            best = ", ".join(map(str, sorted({row["best_epoch"] for row in rows})))
            facts = [name, f"{rows[0]['parameters']:,}", len(rows), best]
            print("|", " | ".join(map(str, [*facts, *figures])), "|")


def main() -> None:
    """Trains what is missing and prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--task", choices=["paper", "ge4"], default="paper")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, help="Learning rate; tuned where it isn't given.")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    task = Task(args.task, args.path)
    facts = {f"{args.task}_rows": {part: len(rows[1]) for part, rows in task.parts.items()}}
    ledger = Ledger("ctr_movielens", facts, len(RATES) + len(args.models) * args.seeds)
    rate = args.rate or tune(ledger, task, args.task)
    for seed in range(1, args.seeds + 1):
        for name in args.models:
            key = {"task": args.task, "model": name, "rate": rate, "epochs": args.epochs}
            call = functools.partial(train, task, name, rate, seed, args.epochs)
            ledger.run(call, stage="test", **key, seed=seed)
    show(ledger, args.task, args.epochs)


if __name__ == "__main__":
    main()

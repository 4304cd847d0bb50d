"""Pre-training on all positive feedback, then fine-tuning on impressions: what each is worth.

MovieLens-100k or 1M. A film of four stars or more was liked. Each user's last tenth of rows is the
test, the tenth before it chooses when a training ends. Stage one is the full-product softmax over
all other rows. Stage two tells liked films from the user's other films, by lists, by pairs or by
points, and sees a share of the likes alone, the latest. Towers are ids with biases, so that nothing
but the two stages tells films apart. Two questions are asked of each model: does it find the liked
films of the test part in the whole catalogue, and does it put them above the user's other films?

Run: python -m benchmarks.pretraining --path FOLDER [--data 100k] [--seeds 3]
"""

import argparse
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from benchmarks.columns import auc
from benchmarks.ledger import Ledger, Row, figure
from benchmarks.plots import table
from tfrs_ext import data, evaluation, losses, models, negatives, optimizers, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical
from tfrs_ext.frequencies import CountedFrequency

WIDTH, BATCH, LIKED, SHOWN, RATE = 32, 512, 4, 4, 0.003
EPOCHS, PATIENCE, FROM_SCRATCH = 60, 5, 0.01  # Of stage two, which needs a faster rate alone.
STAGES_TWO = {
    "softmax": losses.SampledSoftmax,
    "pairwise": losses.PairwiseCrossEntropy,
    "pointwise": losses.SampledBinaryCrossEntropy,
}
FACTORS = {"films frozen": {"films": 0.0}, "films at a tenth": {"films": 0.1}}
METRICS = {"ndcg_at_10": "NDCG@10, all films", "recall_at_10": "recall@10, all films"}
METRICS["gauc"] = "AUC within users"


@dataclasses.dataclass(frozen=True)
class Study:
    """Ratings as positions of users and films, in the order of time."""

    rows: pd.DataFrame
    users: int
    films: int
    share: float
    epochs: int

    @classmethod
    def of(cls, frames: data.Frames, share: float, epochs: int) -> "Study":
        """Reads the frames, and says to which part each row belongs."""
        rows = pd.DataFrame({"user": frames.user_rows(), "film": frames.item_rows()})
        rows["liked"] = frames.interactions["rating"].to_numpy() >= LIKED
        groups = rows.groupby("user")["film"]
        rows["place"] = groups.cumcount() / groups.transform("size")
        return cls(rows, len(frames.users), len(frames.items), share, epochs)

    @property
    def train(self) -> pd.DataFrame:
        """All rows but each user's last fifth."""
        return self.rows[self.rows["place"] < 0.8]

    @property
    def validation(self) -> pd.DataFrame:
        """The tenth before the last."""
        return self.rows[self.rows["place"].between(0.8, 0.9, inclusive="left")]

    @property
    def test(self) -> pd.DataFrame:
        """Each user's last tenth."""
        return self.rows[self.rows["place"] >= 0.9]

    def impressions(self, part: pd.DataFrame, seed: int) -> tf.data.Dataset:
        """Returns batches of liked films, each beside some of the user's other films."""
        rng = np.random.default_rng(seed)
        others = part[~part["liked"]].groupby("user")["film"].apply(np.asarray)
        liked = part[part["liked"] & part["user"].isin(others.index)]
        shown = np.stack([rng.choice(others[user], SHOWN) for user in liked["user"]])
        columns = {"user": liked["user"].to_numpy(), "film": liked["film"].to_numpy()}
        rows = tf.data.Dataset.from_tensor_slices({**columns, "shown": shown})
        return rows.cache().shuffle(len(liked), seed=seed).batch(BATCH)

    def model(self, task: tasks.Retrieval, seed: int) -> models.TwoTower:
        """Returns a model of ids."""
        keras.utils.set_random_seed(seed)
        sizes = {"user": self.users, "film": self.films}
        sides = {"user": "query", "film": "candidate"}
        towers = [
            models.EmbeddingTower(
                Categorical(name, tuple(range(size))), WIDTH, bias=sides[name], name=f"{name}s"
            )
            for name, size in sizes.items()
        ]
        model = models.TwoTower(*towers, task, item_id="film")
        model({name: tf.constant([0], tf.int64) for name in sizes})
        return model


def pretrain(study: Study, seed: int) -> models.TwoTower:
    """Stage one: every row is a query and a film; those that were liked are positives."""
    train = study.train
    counts = np.bincount(train["film"], minlength=study.films) + 1
    source = negatives.InBatch(CountedFrequency(np.arange(study.films), counts))
    task = tasks.Retrieval(losses.FullProductSoftmax(correction="logq"), negatives=source)
    model = study.model(task, seed)
    model.compile(optimizers.LazyAdam(RATE))
    columns = {name: train[name].to_numpy() for name in ("user", "film")}
    columns["sample_weight"] = train["liked"].to_numpy(np.float32)
    rows = tf.data.Dataset.from_tensor_slices(columns).cache().shuffle(len(train), seed=seed)
    model.fit(rows.batch(BATCH), epochs=study.epochs, verbose=0)
    return model


def fine_tune(
    study: Study,
    loss: str,
    seed: int,
    pretrained: models.TwoTower | None = None,
    factors: dict[str, float] | None = None,
) -> models.TwoTower:
    """Stage two, from scratch or from what was learnt, until the validation part gains no more."""
    shown = negatives.Explicit({"film": "shown"}, "film", shared=False)
    model = study.model(tasks.Retrieval(STAGES_TWO[loss](), negatives=shown), seed)
    if pretrained is not None:
        models.warm_start(model, pretrained)
    optimizer = optimizers.LazyAdam(RATE if pretrained is not None else FROM_SCRATCH)
    model.compile(models.layerwise_rates(model, optimizer, factors or {}))
    late = study.train[study.train["place"] >= 0.8 * (1 - study.share)]
    stop = keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True)
    model.fit(
        study.impressions(late, seed),
        validation_data=study.impressions(study.validation, seed),
        epochs=EPOCHS,
        callbacks=[stop],
        verbose=0,
    )
    return model


def measure(study: Study, model: models.TwoTower) -> Row:
    """Returns what the model finds in the catalogue, and how it orders a user's own films."""
    users = model.query_model({"user": tf.range(study.users)}).numpy()
    films = model.candidate_model({"film": tf.range(study.films)}).numpy()
    test, liked = study.test, study.test[study.test["liked"]]
    known = study.rows[study.rows["place"] < 0.9].groupby("user")["film"].apply(list)
    found = evaluation.evaluate_retrieval(
        users[liked["user"]],
        films,
        liked["film"].to_numpy(),
        [known.get(user, []) for user in liked["user"]],
        (10,),
    )
    scores = np.sum(users[test["user"]] * films[test["film"]], axis=1)
    return {
        "ndcg_at_10": found["ndcg_at_10"],
        "recall_at_10": found["recall_at_10"],
        "gauc": _auc_within_users(test, scores),
    }


def _auc_within_users(test: pd.DataFrame, scores: npt.NDArray[np.float32]) -> float:
    found, weights = [], []
    for _, rows in test.assign(score=scores).groupby("user"):
        if rows["liked"].nunique() == 2:
            found.append(auc(rows["liked"].to_numpy(np.float32), rows["score"].to_numpy()))
            weights.append(len(rows))
    return float(np.average(found, weights=weights))


def run(study: Study, ledger: Ledger, seed: int, key: Row) -> None:
    """Trains what the ledger lacks of one seed."""

    @functools.cache
    def first() -> models.TwoTower:
        return pretrain(study, seed)

    def both(loss: str, **how: Any) -> Row:
        return measure(study, fine_tune(study, loss, seed, first(), **how))

    def alone(loss: str) -> Row:
        return measure(study, fine_tune(study, loss, seed))

    runs: dict[tuple[str, str], Callable[[], Row]] = {
        ("pre-training alone", ""): lambda: measure(study, first())
    }
    for loss in STAGES_TWO:
        runs["impressions alone", loss] = functools.partial(alone, loss)
        runs["both", loss] = functools.partial(both, loss)
    for name, factors in FACTORS.items():
        runs[f"both, {name}", "softmax"] = functools.partial(both, "softmax", factors=factors)
    for (stages, loss), train in runs.items():
        ledger.run(train, stages=stages, loss=loss, seed=seed, **key)


def tabulate(ledger: Ledger, key: Row) -> str:
    """Returns the table: means over the seeds, and differences to pre-training alone."""
    names = list(dict.fromkeys((row["stages"], row["loss"]) for row in ledger.find(**key)))
    base = ledger.find(stages="pre-training alone", **key)
    rows = []
    for stages, loss in names:
        found = ledger.find(stages=stages, loss=loss, **key)
        cells = [figure([row[name] for row in found]) for name in METRICS]
        for name in ("ndcg_at_10", "gauc"):
            pairs = zip(found, base, strict=True)
            cells.append(figure([one[name] - other[name] for one, other in pairs], "+"))
        rows.append([stages, loss, *cells])
    head = ["stages", "loss of stage two", *METRICS.values(), "Δ NDCG@10", "Δ AUC"]
    return table(head, rows)


def main(arguments: list[str] | None = None) -> None:
    """Trains without the first stage, without the second, and with both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="100k", choices=("100k", "1m"))
    parser.add_argument("--path", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15, help="Of stage one")
    parser.add_argument("--share", type=float, default=0.25, help="Of the likes, for stage two")
    options = parser.parse_args(arguments)
    frames = data.load_movielens(options.data, options.path)
    study = Study.of(frames, options.share, options.epochs)
    key = {"data": options.data, "share": options.share, "epochs": options.epochs}
    ledger = Ledger("pretraining", {"batch": BATCH, "width": WIDTH, "rate": RATE, "shown": SHOWN})
    for seed in range(options.seeds):
        run(study, ledger, seed, key)
    print(tabulate(ledger, key))


if __name__ == "__main__":
    main()

"""Folding: what a retriever recommends that learnt from impressions alone.

Made-up people read in one language of several, and are shown items of their language alone: which
they click is a matter of taste. Models learn to tell what was clicked from what was shown beside
it, with and without negatives from elsewhere, and then search the catalogue in all languages.
The plot goes to `docs/images/folding.svg`, the figures to `benchmarks/results/folding.json`; a
training that is in that file is not run again.

Run: python -m benchmarks.folding [--seeds 3]
"""

import argparse
import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.ledger import Ledger, Row, figure
from benchmarks.plots import COLORS, plot, table
from tfrs_ext import losses, models, negatives, optimizers, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical
from tfrs_ext.frequencies import CountedFrequency

LANGUAGES, WIDTH, SHOWN, BATCH, TASTE = 3, 8, 5, 512, 6
MEASURES = {
    "auc": "AUC within impressions",
    "own": "recall@10, own language",
    "everything": "recall@10, all items",
    "spurious": "other languages in the first 10",
}
DRAWN = (
    "own impressions alone",
    "own impressions, and gravity",
    "own impressions, and in batch beside",
)
IMPRESSIONS = 25
Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class World:
    """Who reads what, and what they were shown: `shown[:, 0]` was clicked."""

    user_language: Ints
    item_language: Ints
    users: Ints
    shown: Ints

    def take(self, rows: Ints) -> "World":
        """Returns some of the impressions."""
        return dataclasses.replace(self, users=self.users[rows], shown=self.shown[rows])


def invent(users: int, items: int, impressions: int, seed: int) -> World:
    """Returns a world in which each user is shown `impressions` lists of five items."""
    rng = np.random.default_rng(seed)
    user_language, item_language = np.arange(users) % LANGUAGES, np.arange(items) % LANGUAGES
    taste = rng.normal(size=(users, TASTE))
    quality = rng.normal(size=(items, TASTE))
    liking = taste @ quality.T
    popularity = rng.normal(size=items)
    reader = np.repeat(np.arange(users), impressions)
    chance = np.where(item_language == user_language[reader][:, None], popularity, -np.inf)
    shown = _draw(chance, SHOWN, rng)
    clicked = _draw(np.take_along_axis(liking[reader], shown, axis=1), 1, rng)
    order = np.argsort(np.arange(SHOWN) != clicked, axis=1, kind="stable")  # The clicked one first.
    return World(user_language, item_language, reader, np.take_along_axis(shown, order, axis=1))


def _draw(logits: npt.NDArray[np.float64], count: int, rng: np.random.Generator) -> Ints:
    """Returns `count` columns of each row without replacement, by the softmax of the logits."""
    noisy = logits + rng.gumbel(size=logits.shape)
    return np.argsort(-noisy, axis=1)[:, :count].astype(np.int64)


class Assisted(models.TwoTower):
    """A two-tower model with more in its loss than its task.

    Args:
        gravity: What the mean of the squared scores of all pairs of the batch costs.
        second: A task whose loss is added, or None.
        **kwargs: The arguments of `TwoTower`.
    """

    def __init__(
        self,
        *args: Any,
        gravity: float = 0.0,
        second: tasks.Retrieval | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.gravity, self.second = gravity, second

    def pair_loss(
        self, queries: tf.Tensor, candidates: tf.Tensor, inputs: Row, *args: Any, **kwargs: Any
    ) -> tf.Tensor:
        """Returns the task's loss and what is added to it."""
        rows = tf.cast(tf.shape(queries)[0], tf.float32)
        # The sum of all squared scores, without the matrix of scores.
        grams = [tf.matmul(side, side, transpose_a=True) for side in (queries, candidates)]
        pull = tf.reduce_sum(grams[0] * grams[1]) / rows**2
        loss = super().pair_loss(queries, candidates, inputs, *args, **kwargs)
        if self.second is not None:
            loss += self.second(queries, candidates, candidate_ids=inputs[self.item_id])
        return loss + self.gravity * pull


def variants(world: World) -> dict[str, tuple[tasks.Retrieval, Row]]:
    """Returns the task of each way to train, and what is added to its loss."""
    items = np.arange(len(world.item_language))
    shown = np.bincount(world.shown[:, 1:].ravel(), minlength=len(items)) + 1
    clicked = np.bincount(world.shown[:, 0], minlength=len(items)) + 1
    catalogue = negatives.Catalogue({"item_id": items}, "item_id")

    def impressions(**how: Any) -> negatives.Explicit:
        return negatives.Explicit({"item_id": "shown"}, "item_id", **how)

    alone = functools.partial(
        tasks.Retrieval, losses.SampledSoftmax(), negatives=impressions(shared=False)
    )
    uniform = functools.partial(negatives.Uniform, catalogue, seed=1)
    counted = impressions(frequency=CountedFrequency(items, shown))
    corrected = losses.CorrectedSampledSoftmax
    in_batch = functools.partial(negatives.InBatch, CountedFrequency(items, clicked))
    return {
        "own impressions alone": (alone(), {}),
        "own impressions, and gravity": (alone(), {"gravity": 0.1}),
        "impressions of the whole batch": (tasks.Retrieval(corrected(), negatives=counted), {}),
        "in batch": (tasks.Retrieval(corrected(), negatives=in_batch()), {}),
        "uniform from everywhere": (tasks.Retrieval(corrected(), negatives=uniform(512)), {}),
        "impressions and uniform, mixed": (
            tasks.Retrieval(corrected(), negatives=negatives.Mixed([counted, uniform(512)])),
            {},
        ),
        "own impressions, and in batch beside": (
            alone(),
            {"second": tasks.Retrieval(corrected(), negatives=in_batch())},
        ),
    }


def train(world: World, name: str, epochs: int, seed: int) -> models.TwoTower:
    """Returns a model that was trained in one of the ways."""
    keras.utils.set_random_seed(seed)
    task, costs = variants(world)[name]
    sizes = {"user_id": len(world.user_language), "item_id": len(world.item_language)}
    towers = [
        models.EmbeddingTower(Categorical(column, tuple(range(size))), WIDTH)
        for column, size in sizes.items()
    ]
    model = Assisted(*towers, task, item_id="item_id", **costs)
    model.compile(optimizers.LazyAdam(0.01))
    columns = {"user_id": world.users, "item_id": world.shown[:, 0], "shown": world.shown[:, 1:]}
    rows = tf.data.Dataset.from_tensor_slices(columns).shuffle(len(world.users), seed=seed)
    model.fit(rows.batch(BATCH), epochs=epochs, verbose=0)
    return model


def embed(model: models.TwoTower, world: World) -> tuple[Any, Any]:
    """Returns the vectors of all users and of all items."""
    users, items = (np.arange(len(of)) for of in (world.user_language, world.item_language))
    return (
        model.query_model({"user_id": tf.constant(users)}).numpy(),
        model.candidate_model({"item_id": tf.constant(items)}).numpy(),
    )


def measure(model: models.TwoTower, known: World, test: World) -> Row:
    """Returns what the impressions say of the model, and what the catalogue says."""
    users, items = embed(model, known)
    scores = users @ items.T
    seen = np.zeros(scores.shape, bool)
    seen[known.users, known.shown[:, 0]] = True
    scores = np.where(seen, -np.inf, scores)
    scores[test.users, test.shown[:, 0]] = np.sum(users[test.users] * items[test.shown[:, 0]], 1)
    is_own = known.user_language[:, None] == known.item_language
    lists = np.argsort(-scores, axis=1)[:, :10]
    own = np.argsort(-np.where(is_own, scores, -np.inf), axis=1)[:, :10]
    within = np.einsum("nd,nsd->ns", users[test.users], items[test.shown])
    clicked = test.shown[:, :1]
    return {
        "auc": float(np.mean(within[:, :1] > within[:, 1:])),
        "own": float(np.mean(np.any(own[test.users] == clicked, axis=1))),
        "everything": float(np.mean(np.any(lists[test.users] == clicked, axis=1))),
        "spurious": float(np.mean(~np.take_along_axis(is_own, lists, axis=1))),
    }


def train_and_measure(known: World, test: World, name: str, epochs: int, seed: int) -> Row:
    """Returns what was measured, and the vectors in the plane, for the plot of the first seed."""
    model = train(known, name, epochs, seed)
    row = measure(model, known, test)
    if seed == 0 and name in DRAWN:
        users, items = embed(model, known)
        both = np.concatenate([users, items])
        axes = np.linalg.svd(items - items.mean(axis=0), full_matrices=False)[2][:2]
        flat = ((both - items.mean(axis=0)) @ axes.T).round(3).tolist()
        row["plane"] = {"users": flat[: len(users)], "items": flat[len(users) :]}
    return row


def draw(ledger: Ledger, key: Row) -> None:
    """Draws users and items of all languages in the plane where items vary most."""
    with plot("folding", len(DRAWN), width=9.0, height=3.4) as axes:
        for panel, name in zip(np.atleast_1d(axes), DRAWN, strict=True):
            plane = ledger.find(search=name, seed=0, **key)[0]["plane"]
            for side, look in (
                ("users", {"marker": ".", "alpha": 0.25}),
                ("items", {"marker": "+"}),
            ):
                points = np.array(plane[side])
                for language in range(LANGUAGES):
                    some = points[np.arange(len(points)) % LANGUAGES == language]
                    panel.scatter(*some.T, s=14, color=COLORS[language], linewidths=0.8, **look)
            panel.set_title(name, fontsize=9)
            panel.set(xticks=[], yticks=[])


def tabulate(ledger: Ledger, key: Row) -> str:
    """Returns the table, means over the seeds."""
    names = list(dict.fromkeys(row["search"] for row in ledger.find(**key)))
    rows = []
    for name in names:
        found = ledger.find(search=name, **key)
        rows.append([name, *(figure([row[measure] for row in found]) for measure in MEASURES)])
    return table(["negatives", *MEASURES.values()], rows)


def main(arguments: list[str] | None = None) -> None:
    """Trains in every way, draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--users", type=int, default=900)
    options = parser.parse_args(arguments)
    key = {"users": options.users, "epochs": options.epochs}
    ledger = Ledger("folding", {"batch": BATCH, "width": WIDTH, "shown": SHOWN})
    for seed in range(options.seeds):
        world = invent(options.users, options.users // 3, IMPRESSIONS, seed)
        is_late = np.tile(np.arange(IMPRESSIONS) >= IMPRESSIONS - 5, options.users)
        known, test = (world.take(np.flatnonzero(rows)) for rows in (~is_late, is_late))
        for name in variants(known):
            search = functools.partial(train_and_measure, known, test, name, options.epochs, seed)
            ledger.run(search, search=name, seed=seed, **key)
    draw(ledger, key)
    print(tabulate(ledger, key))


if __name__ == "__main__":
    main()

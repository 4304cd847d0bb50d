"""GRU4Rec of the examples of keras-rs, with their rate, batch and length of context."""

import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")

from typing import Any

import keras
import keras_rs
import numpy as np
import pandas as pd
from exchange import Watch, ranked
from exports import Loaded, Trained, take_part
from matrices import make_matrix, make_rows

LENGTH, BATCH, RATE = 10, 2048, 0.05


@keras.saving.register_keras_serializable()
class Retriever(keras.Model):
    """A reader of histories and a table of items, with other items of the batch as negatives."""

    def __init__(self, count: int, dim: int, **options: Any) -> None:
        super().__init__(**options)
        self.sizes = {"count": count, "dim": dim}
        self.query_model = keras.Sequential(
            [keras.layers.Embedding(count, dim), keras.layers.GRU(dim)]
        )
        self.candidate_model = keras.layers.Embedding(count, dim)
        self.loss_fn = keras.losses.CategoricalCrossentropy(from_logits=True)

    def build(self, input_shape):
        """Makes the tables."""
        self.query_model.build(input_shape)
        self.candidate_model.build(input_shape)
        super().build(input_shape)

    def get_config(self):
        """Returns the sizes."""
        return {**super().get_config(), **self.sizes}

    def call(self, histories, training=False):
        """Returns the vectors of histories."""
        return self.query_model(histories)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the softmax over the items of the batch."""
        scores = keras.ops.matmul(y_pred, keras.ops.transpose(self.candidate_model(y)))
        return self.loss_fn(keras.ops.eye(*keras.ops.shape(scores)), scores)


def histories_of(rows: pd.DataFrame, items: np.ndarray) -> dict[int, np.ndarray]:
    """Returns the places of each user's items from 1 on, oldest first."""
    rows = rows[rows["item_id"].isin(items)]
    places = pd.Series(np.searchsorted(items, rows["item_id"]) + 1, rows.index)
    return {user: part.to_numpy() for user, part in places.groupby(rows["user_id"])}


def pad(history: np.ndarray) -> np.ndarray:
    """Returns the latest items, padded at the end, as the example does."""
    latest = history[-LENGTH:]
    return np.pad(latest, (0, LENGTH - len(latest)))


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
    """Returns the answers by the latest ten items of what is known by then."""
    keras.utils.set_random_seed(spec["seed"])
    items = np.unique(rows["item_id"])
    # The example leaves users with fewer than three items out of training.
    lists = [past for past in histories_of(rows, items).values() if len(past) > 2]
    pairs = [(pad(past[:end]), past[end]) for past in lists for end in range(1, len(past))]
    order = np.random.default_rng(spec["seed"]).permutation(len(pairs))
    contexts = np.stack([pairs[place][0] for place in order]).astype(np.int32)
    labels = np.array([pairs[place][1] for place in order], np.int32)
    model = Retriever(len(items) + 1, spec["dim"])
    steps = -(-len(labels) // BATCH) * spec["max_epochs"]
    rate = keras.optimizers.schedules.PolynomialDecay(RATE, steps, end_learning_rate=0.0)
    model.compile(optimizer=keras.optimizers.AdamW(rate))

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        past = histories_of(known, items)
        users = users[np.isin(users, list(past))]
        seen, found = make_matrix(known, users, items), []
        # The layer leaves nothing out: it finds as many more as anybody had.
        more = min(k + int(seen.sum(axis=1).max()), len(items))
        candidates = model.candidate_model.embeddings[1:]
        layer = keras_rs.layers.BruteForceRetrieval(candidates, k=more, return_scores=False)
        for part in np.array_split(np.arange(len(users)), -(-len(users) // 1024)):
            queries = model.query_model(np.stack([pad(past[user]) for user in users[part]]))
            places = np.asarray(layer(queries))
            had = np.asarray(seen[part].todense())[np.arange(len(part))[:, None], places] > 0
            new_first = np.argsort(had, axis=1, kind="stable")[:, :k]
            places = np.where(had, -1, places)
            found.append(np.take_along_axis(places, new_first, axis=1))
        found = np.concatenate(found)
        return ranked(users, np.where(found >= 0, items[found], -1))

    def end_epoch(epoch: int, logs: dict) -> None:
        model.stop_training = watch(recommend, model.get_weights)

    epochs = keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)
    data = {"x": contexts, "y": labels, "batch_size": BATCH, "shuffle": False}
    model.fit(**data, epochs=spec["max_epochs"], callbacks=[epochs], verbose=0)
    model.set_weights(watch.kept)

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        model.save(folder / "model.keras")
        np.save(folder / "items.npy", items)

    return Trained(recommend, export)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a user's latest items and the places of all that the user had."""
    model, items = keras.saving.load_model(folder / "model.keras"), np.load(folder / "items.npy")
    candidates = model.candidate_model.embeddings[1:]
    # The layer leaves nothing out: it ranks all, and the adapter takes the new ones.
    layer = keras_rs.layers.BruteForceRetrieval(candidates, k=len(items))
    # Compiled: called as they are, the layers of Keras trace the GRU anew each time.
    best = keras.Sequential([model.query_model, layer])

    def questions(known: pd.DataFrame, users: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        past = histories_of(known, items)
        seen = (row.indices for row in make_rows(known, users, items))
        return [(pad(past[user])[None], had) for user, had in zip(users, seen, strict=True)]

    def ask(question: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        history, seen = question
        scores, places = (found[0] for found in best.predict_on_batch(history))
        new = np.flatnonzero(~np.isin(places, seen))[: spec["k"]]
        return items[places[new]], scores[new]

    return Loaded(questions, ask)


take_part(train, load, "keras-rs", "keras", "jax")

"""A small retriever of plain Keras layers, with the tables that an export takes."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import serving
from tfrs_ext._keras import keras

USERS, ITEMS, LENGTH, WIDTH = 60, 40, 5, 8


def make_tower():
    user = keras.Input((), dtype=tf.string, name="user_id")
    history = keras.Input((LENGTH,), dtype=tf.int64, name="history")
    known = keras.layers.StringLookup(vocabulary=[f"u{i}" for i in range(USERS)])
    seen = keras.layers.IntegerLookup(vocabulary=list(range(ITEMS)), mask_token=-1)
    embedded = keras.layers.Embedding(USERS + 1, WIDTH, "normal")(known(user))
    watched = keras.layers.Embedding(ITEMS + 2, WIDTH, "normal")(seen(history))
    pooled = keras.layers.GlobalAveragePooling1D()(watched)
    outputs = keras.layers.Dense(WIDTH)(keras.layers.Concatenate()([embedded, pooled]))
    return keras.Model({"user_id": user, "history": history}, outputs)


def make_item_tower():
    item = keras.Input((), dtype=tf.int64, name="item id")
    known = keras.layers.IntegerLookup(vocabulary=[3 * i for i in range(ITEMS)])
    embedding = keras.layers.Embedding(ITEMS + 1, WIDTH, "normal")
    return keras.Model({"item id": item}, 20 * embedding(known(item)))


@dataclasses.dataclass
class Retriever:
    query_model: Any
    item_model: Any
    candidates: Any
    item_ids: Any
    users: dict
    seen: list
    titles: Any
    tags: list

    def arguments(self, **changes):
        """What `export` takes."""
        arguments = {
            "query_model": self.query_model,
            "candidates": self.item_model,
            "items": self.make_items(),
            "users": self.make_users(),
        }
        return {**arguments, **changes}

    def make_items(self, columns=None, **changes):
        arguments = {"fields": {"title": self.titles}, "tags": self.tags, **changes}
        return serving.Items(columns or {"item id": self.item_ids}, item_id="item id", **arguments)

    def make_users(self, columns=None, **changes):
        return serving.Users(columns or self.users, **{"seen": self.seen, **changes})

    def expected(self, users, k, excluded=(), passes=lambda tags: True):
        """Item ids by a plain loop: what each user should be recommended."""
        pairs = zip(self.item_ids, self.tags, strict=True)
        excluded = {*excluded, *(item for item, tags in pairs if not passes(tags))}
        rows = [int(user[1:]) for user in users]
        features = {name: tf.constant(column[rows]) for name, column in self.users.items()}
        answers = []
        for row, query in zip(rows, self.query_model(features).numpy(), strict=True):
            scores = self.candidates.astype(np.float64) @ query.astype(np.float64)
            banned = {*self.seen[row], *excluded}
            order = [i for i in np.argsort(-scores) if self.item_ids[i] not in banned]
            answers.append([self.item_ids[i] for i in order[:k]])
        return answers


def make_retriever():
    rng = np.random.default_rng(5)
    item_ids = np.arange(ITEMS, dtype=np.int64)[::-1] * 3
    history = rng.choice(item_ids, size=(USERS, LENGTH))
    history[0] = -1
    item_model = make_item_tower()
    return Retriever(
        query_model=make_tower(),
        item_model=item_model,
        candidates=item_model({"item id": item_ids}).numpy(),
        item_ids=item_ids,
        users={"user_id": np.array([f"u{i}" for i in range(USERS)]), "history": history},
        seen=[sorted({int(i) for i in row if i >= 0}) for row in history],
        # As genres are: some common, one rare, an item without any.
        tags=[[], *(["even" if i % 2 == 0 else "odd", f"by {i % 10}"] for i in range(1, ITEMS))],
        titles=np.array([f"Titel № {i}" for i in item_ids]),
    )


@pytest.fixture(scope="session", autouse=True)
def _kept_process(kept_process):
    pass


@pytest.fixture
def retriever():
    return make_retriever()

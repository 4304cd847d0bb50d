"""Efficient serving: exact and approximate indexes, saved, loaded and asked."""

import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.migration import towers
from benchmarks.migration.libraries import Library
from benchmarks.migration.outcome import Outcome, train
from benchmarks.migration.problem import Problem
from benchmarks.migration.retrieval import make_retriever
from tfrs_ext._keras import keras

ASKED, FOUND = 200, 10


def efficient_serving(library: Library, problem: Problem, epochs: int = 1) -> Outcome:
    """An index over the items, which a program without the library loads and asks."""
    users, items = (towers.IdTower(problem, column) for column in ("user_id", "item_id"))
    outcome = train(make_retriever(library, problem, users, items), problem.parts(), epochs)
    corpus = problem.catalogue().map(lambda columns: (columns["item_id"], items(columns)))
    asked = {"user_id": tf.constant(problem.vocabulary("user_id")[:ASKED])}
    exact = library.BruteForce(users, k=FOUND).index_from_dataset(corpus)
    _, wanted = exact(asked)
    start = time.process_time()
    restored = _save_and_load(exact, asked)
    saved = time.process_time() - start
    same = float(np.mean(restored(asked)[1].numpy() == wanted.numpy()))
    approximate = library.ScaNN(users, k=FOUND).index_from_dataset(corpus)
    found = approximate(asked)[1].numpy()
    recall = np.mean([np.isin(*pair).mean() for pair in zip(wanted.numpy(), found, strict=True)])
    return Outcome(
        {"same after loading": same, "recall of ScaNN": float(recall)},
        {**outcome.seconds, "save and load": saved},
        exact,
    )


def _save_and_load(index: keras.Model, asked: towers.Columns) -> Callable[..., Any]:
    index(asked)
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(index, folder)
        return tf.saved_model.load(folder)

"""A retriever beside the baselines that it has to beat, on the test part."""

from typing import Any

import numpy as np
import tensorflow as tf

from recipes.retrieval_problem import RetrievalProblem
from tfrs_ext import data, metrics, models

KS = (10, 100)


def compare(problem: RetrievalProblem, model: Any, seed: int) -> dict[str, metrics.RetrievalResult]:
    """Evaluates the model and the baselines; what a user has seen doesn't compete."""
    test, size = problem.test, len(problem.frames.items)
    results = {
        "model": metrics.evaluate_retrieval(
            model.query_model.predict(test.queries, 4096, verbose=0),
            embed(problem, model),
            test.positives,
            seen=test.seen,
            ks=KS,
        )
    }
    histories = _training_histories(problem)
    for name, ranker in {
        "item to item": models.ItemToItemBaseline(size).adapt(histories),
        "popularity": models.PopularityBaseline(size).adapt(histories),
        "random": models.RandomBaseline(size, seed=seed),
    }.items():
        results[name] = metrics.evaluate_scores(
            ranker, test.seen, test.positives, test.seen, ks=KS, candidates=size
        )
    return results


def embed(problem: RetrievalProblem, model: Any) -> Any:
    """Returns the embeddings of all items `[C, D]`."""
    catalogue = data.candidates_dataset(problem.frames, problem.features, 1024)
    return np.concatenate([model.candidate_model(batch).numpy() for batch in catalogue])


def _training_histories(problem: RetrievalProblem) -> tf.RaggedTensor:
    train = problem.split.train
    users, items = train.user_rows(), train.item_rows()
    order = np.argsort(users, kind="stable")
    return tf.RaggedTensor.from_value_rowids(
        items[order], users[order], nrows=len(train.users), validate=False
    )

"""A retriever beside the baselines that it has to beat, on the test part."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from recipes.retrieval_problem import RetrievalProblem
from tfrs_ext import baselines, data, evaluation

KS = (10, 100)
_CURVE = (1, 2, 5, 10, 20, 50, 100)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The model and the baselines on the same queries; what a user has seen doesn't compete.

    Attributes:
        problem: Data and queries.
        queries: `[Q, D]`, the model's embeddings of the test queries.
        items: `[C, D]`, its embeddings of the catalogue.
        baselines: From names to functions of histories.
    """

    problem: RetrievalProblem
    queries: Any
    items: Any
    baselines: Mapping[str, Any]

    @classmethod
    def of(cls, problem: RetrievalProblem, model: Any, seed: int) -> "Comparison":
        """Embeds queries and items, and fits the baselines on the training part."""
        histories, size = _training_histories(problem), len(problem.frames.items)
        return cls(
            problem,
            model.query_model.predict(problem.test.queries, 4096, verbose=0),
            embed(problem, model),
            {
                "item to item": baselines.ItemToItemBaseline(size).adapt(histories),
                "popularity": baselines.PopularityBaseline(size).adapt(histories),
                "random": baselines.RandomBaseline(size, seed=seed),
            },
        )

    def results(self) -> dict[str, evaluation.RetrievalResult]:
        """Returns the metrics of every query, the model's first."""
        test, size = self.problem.test, len(self.items)
        found = {
            "model": evaluation.evaluate_retrieval(
                self.queries, self.items, test.positives, seen=test.seen, ks=_CURVE
            )
        }
        for name, ranker in self.baselines.items():
            found[name] = evaluation.evaluate_scores(
                ranker, test.seen, test.positives, test.seen, ks=_CURVE, num_candidates=size
            )
        return found

    def lists(self, rows: Any, k: int) -> dict[str, tuple[Any, Any]]:
        """Returns scores and row numbers of the k best items for some of the queries."""
        seen = tf.gather(self.problem.test.seen, rows)
        scores = {"model": self.queries[rows] @ self.items.T}
        scores |= {name: ranker(seen).numpy() for name, ranker in self.baselines.items()}
        pairs = seen.value_rowids().numpy(), seen.values.numpy()
        for values in scores.values():
            values[pairs] = -np.inf
        return {
            name: tuple(part.numpy() for part in tf.math.top_k(values, k))
            for name, values in scores.items()
        }


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

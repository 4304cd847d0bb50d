"""Exact evaluation over the catalogue after epochs of `fit`."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.callbacks.embedded_inputs import EmbeddedInputs
from tfrs_ext.callbacks.epoch_evaluation import EpochEvaluation, Logs
from tfrs_ext.evaluation import RetrievalResult, evaluate_retrieval
from tfrs_ext.ops.rank_checks import check_ks, check_ties
from tfrs_ext.ops.rank_metrics import AT_K
from tfrs_ext.typing import Embedder, Inputs, PositionLists


class RetrievalEvaluation(EpochEvaluation):
    """Puts metrics over the whole catalogue, such as `val_ndcg_at_10`, into the logs of epochs.

    After an epoch it embeds the queries and the candidates, and counts the exact ranks. The logs
    reach `History`, the progress bar, TensorBoard, keras-tuner, and every callback that comes
    **after** this one in the list: put it before `EarlyStopping` and `ModelCheckpoint`. Among the
    callbacks of `model.evaluate` it evaluates once, at the end.

    Args:
        queries: What the query model takes: an array or a dict of arrays of `Q` rows, or a
            `tf.data.Dataset` of batches in the order of `positives`.
        candidates: What the candidate model takes for the `C` candidates, in the same forms.
        positives: The positions of the candidates that each query should find, in the forms that
            `evaluation.evaluate_retrieval` takes.
        seen: The positions of the candidates that don't compete, in the same forms.
        ks: The cut-offs, the lengths of list at which metrics are computed.
        metrics: The metrics to log: any of hit_rate, recall, precision, ndcg, map and mrr.
        ties: What happens to candidates of the positive's score, as in `evaluate_retrieval`.
        every: How many epochs lie between evaluations. The first and the last epoch are evaluated;
            in between the last values are repeated, so that later callbacks find their metric.
        sample: How many queries to draw, once for all epochs; None takes all.
        seed: The seed of the draw.
        batch_size: How many rows are embedded at a time where arrays are given.
        prefix: What the names in the logs begin with.
        query_model: From features to embeddings `[B, D]`; None takes the fitted model's
            `query_model`.
        candidate_model: From features to embeddings `[B, D]`; None takes the fitted model's
            `candidate_model`.

    Attributes:
        result: The latest `evaluation.RetrievalResult`, with all metrics of every query.

    Raises:
        ValueError: Where a metric is unknown, `ks`, `ties` or `every` doesn't fit, or `sample` is
            given with a dataset.

    Relations:
        `metrics.FactorizedTopK` evaluates inside `model.evaluate`, one positive a query;
        `callbacks.UserAUC` is for models that rank.

    Example:
        >>> towers = keras.layers.Embedding(3, 2), keras.layers.Embedding(5, 2)
        >>> watch = tfrs_ext.callbacks.RetrievalEvaluation(
        ...     np.arange(3), np.arange(5), positives=[[0, 1], [2], [4]], ks=[2],
        ...     query_model=towers[0], candidate_model=towers[1])
        >>> watch.on_epoch_end(0, logs := {})
        >>> sorted(logs)
        ['val_ndcg_at_2', 'val_recall_at_2']
    """

    def __init__(
        self,
        queries: tf.data.Dataset | Inputs,
        candidates: tf.data.Dataset | Inputs,
        positives: PositionLists,
        seen: PositionLists | None = None,
        ks: Sequence[int] = (10, 100),
        metrics: Sequence[str] = ("recall", "ndcg"),
        ties: str = "pessimistic",
        every: int = 1,
        sample: int | None = None,
        seed: int = 0,
        batch_size: int = 4096,
        prefix: str = "val_",
        query_model: Embedder | None = None,
        candidate_model: Embedder | None = None,
    ) -> None:
        super().__init__(every, prefix)
        unknown = [name for name in metrics if name not in AT_K]
        if unknown:
            raise ValueError(f"`metrics` must be among {', '.join(AT_K)}, received {unknown}.")
        if sample is not None:
            chosen = _draw(sample, seed, queries)
            queries = tf.nest.map_structure(lambda column: np.asarray(column)[chosen], queries)
            positives = _choose(positives, chosen)
            seen = None if seen is None else _choose(seen, chosen)
        self._positives, self._seen = positives, seen
        self._ks, self._ties = check_ks(ks), check_ties(ties)
        self._names = [f"{name}_at_{k}" for name in metrics for k in self._ks]
        self._sides = {
            "query_model": EmbeddedInputs(queries, batch_size, query_model),
            "candidate_model": EmbeddedInputs(candidates, batch_size, candidate_model),
        }
        self.result: RetrievalResult | None = None

    def evaluate(self) -> RetrievalResult:
        """Evaluates the models as they are now, and keeps the result."""
        queries, candidates = (side.embed(self.model, name) for name, side in self._sides.items())
        self.result = evaluate_retrieval(
            queries, candidates, self._positives, self._seen, self._ks, self._ties
        )
        return self.result

    def measure(self) -> Logs:
        """Evaluates, and returns the metrics that are logged."""
        result = self.evaluate()
        return {name: result[name] for name in self._names}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets what was found in another training."""
        super().on_train_begin(logs)
        self.result = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "RetrievalEvaluation":
        """Returns a callback of its own on the same data: keras-tuner copies one for each trial."""
        twin = copy.copy(self)
        twin._sides = {name: copy.copy(side) for name, side in self._sides.items()}
        return twin


def _draw(sample: int, seed: int, queries: tf.data.Dataset | Inputs) -> npt.NDArray[np.int64]:
    if isinstance(queries, tf.data.Dataset):
        raise ValueError("`queries` must be arrays where `sample` is given, received a dataset.")
    count = len(tf.nest.flatten(queries)[0])
    return np.sort(np.random.default_rng(seed).permutation(count)[:sample])


def _choose(lists: PositionLists, chosen: npt.NDArray[np.int64]) -> PositionLists:
    if isinstance(lists, (list, tuple)):
        return [lists[query] for query in chosen]
    return tf.gather(lists, chosen)

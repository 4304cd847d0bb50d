"""Exact evaluation over the catalogue after epochs of `fit`."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.evaluation import RetrievalResult, evaluate_retrieval
from tfrs_ext.ops.rank_checks import check_ks, check_ties
from tfrs_ext.ops.rank_metrics import AT_K


class RetrievalEvaluation(keras.callbacks.Callback):
    """Puts metrics over the whole catalogue, such as `val_ndcg_at_10`, into the logs of epochs.

    After an epoch it embeds the queries and the candidates, and counts the exact ranks. The logs
    reach `History`, the progress bar, TensorBoard, keras-tuner, and every callback that comes
    **after** this one in the list: put it before `EarlyStopping` and `ModelCheckpoint`. In an
    epoch without evaluation the last values are repeated, so that they find their metric. Among
    the callbacks of `model.evaluate` it evaluates once, at the end.

    Args:
        queries: What the query model takes: an array, or a dict of arrays, with `Q` rows, or a
            `tf.data.Dataset` of batches in the order of `positives`.
        candidates: What the candidate model takes, in the same forms, with `C` rows.
        positives: Row numbers of the candidates that each query should find, as in
            `evaluate_retrieval`.
        seen: Row numbers of the candidates that don't compete, in the same forms.
        ks: Cut-offs.
        metrics: Any of hit_rate, recall, precision, ndcg, map and mrr.
        ties: As in `evaluate_retrieval`.
        every: Evaluate each so many epochs, from the first on, and after the last.
        sample: How many queries to draw, once for all epochs; None is all.
        seed: Of the draw.
        batch_size: Rows embedded at a time where arrays are given.
        prefix: What the names in the logs begin with.
        query_model: From features to embeddings `[B, D]`; the fitted model's `query_model` if None.
        candidate_model: The same for candidates.

    Attributes:
        result: The latest `RetrievalResult`, with all metrics of every query.

    Relations:
        `FactorizedTopK` evaluates inside `model.evaluate`, one positive a row.

    Example:
        >>> towers = keras.layers.Embedding(3, 2), keras.layers.Embedding(5, 2)
        >>> evaluation = RetrievalEvaluation(
        ...     np.arange(3), np.arange(5), positives=[[0, 1], [2], [4]], ks=[2],
        ...     query_model=towers[0], candidate_model=towers[1])
        >>> evaluation.on_epoch_end(0, logs := {})
        >>> sorted(logs)
        ['val_ndcg_at_2', 'val_recall_at_2']
    """

    def __init__(
        self,
        queries: Any,
        candidates: Any,
        positives: Any,
        seen: Any = None,
        ks: Sequence[int] = (10, 100),
        metrics: Sequence[str] = ("recall", "ndcg"),
        ties: str = "pessimistic",
        every: int = 1,
        sample: int | None = None,
        seed: int = 0,
        batch_size: int = 4096,
        prefix: str = "val_",
        query_model: Any = None,
        candidate_model: Any = None,
    ) -> None:
        super().__init__()
        self.params: dict[str, Any] = {}
        unknown = [name for name in metrics if name not in AT_K]
        if unknown:
            raise ValueError(f"`metrics` must be among {', '.join(AT_K)}, received {unknown}.")
        if every < 1:
            raise ValueError(f"`every` must be at least 1, received every={every}.")
        if sample is not None:
            queries, positives, seen = _draw(sample, seed, queries, positives, seen)
        self._positives, self._seen = positives, seen
        self._ks, self._ties = check_ks(ks), check_ties(ties)
        self._names = [f"{name}_at_{k}" for name in metrics for k in self._ks]
        self._every, self._prefix = every, prefix
        self._sides = {
            "query_model": _Side(queries, batch_size, query_model),
            "candidate_model": _Side(candidates, batch_size, candidate_model),
        }
        self.result: RetrievalResult | None = None
        self._is_fitting = False

    def evaluate(self) -> RetrievalResult:
        """Evaluates the models as they are now, and keeps the result."""
        queries, candidates = (side.embed(self.model, name) for name, side in self._sides.items())
        self.result = evaluate_retrieval(
            queries, candidates, self._positives, self._seen, self._ks, self._ties
        )
        return self.result

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forgets what was found in another training."""
        self.result, self._is_fitting = None, True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Knows that a test from now on isn't the validation of an epoch."""
        self._is_fitting = False

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Evaluates after `model.evaluate`, where `result` then is; not within `fit`."""
        if not self._is_fitting:
            self.evaluate()
            self._tell(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the metrics to the logs."""
        is_last = epoch + 1 == self.params.get("epochs")
        if self.result is None or epoch % self._every == 0 or is_last:
            self.evaluate()
        self._tell(logs)

    def _tell(self, logs: dict[str, Any] | None) -> None:
        if logs is not None and self.result is not None:
            logs.update({self._prefix + name: self.result[name] for name in self._names})

    def __deepcopy__(self, memo: dict[int, Any]) -> "RetrievalEvaluation":
        """Returns a callback of its own on the same data: keras-tuner copies one for each trial."""
        twin = copy.copy(self)
        twin._sides = {name: copy.copy(side) for name, side in self._sides.items()}
        return twin


class _Side:
    """One of the two towers with its inputs."""

    def __init__(self, data: Any, batch_size: int, model: Any) -> None:
        if not isinstance(data, tf.data.Dataset):
            data = tf.data.Dataset.from_tensor_slices(data).batch(batch_size)
        self._data, self._model = data, model
        self._traced: Any = None
        self._function: Any = None

    def embed(self, model: Any, name: str) -> Any:
        """Returns the embeddings of all rows."""
        tower = self._model if self._model is not None else getattr(model, name, None)
        if tower is None:
            raise ValueError(
                f"`{name}` must be given, because the fitted model {model!r} has none of that name."
            )
        if tower is not self._traced:
            self._traced = tower
            self._function = tf.function(_in_inference(tower), reduce_retracing=True)
        return np.concatenate([self._function(batch).numpy() for batch in self._data])


def _in_inference(tower: Any) -> Any:
    if isinstance(tower, keras.layers.Layer):
        return lambda batch: tower(batch, training=False)
    return tower


def _draw(sample: int, seed: int, queries: Any, positives: Any, seen: Any) -> tuple[Any, Any, Any]:
    if isinstance(queries, tf.data.Dataset):
        raise ValueError("`queries` must be arrays where `sample` is given, received a dataset.")
    rows = len(tf.nest.flatten(queries)[0])
    chosen = np.sort(np.random.default_rng(seed).permutation(rows)[:sample])
    drawn = tf.nest.map_structure(lambda column: np.asarray(column)[chosen], queries)
    return drawn, _chosen(positives, chosen), None if seen is None else _chosen(seen, chosen)


def _chosen(values: Any, rows: Any) -> Any:
    if isinstance(values, (list, tuple)):
        return [values[row] for row in rows]
    return tf.gather(values, rows)

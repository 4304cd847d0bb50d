"""Stages on many queries at a time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def call_in_batches(
    stage: Callable[[Mapping[str, tf.Tensor], tf.Tensor], tuple[tf.Tensor, ...]],
    queries: Mapping[str, npt.NDArray[Any]],
    seen: tf.RaggedTensor,
    batch_size: int = 256,
) -> tuple[npt.NDArray[Any], ...]:
    """Calls a stage, or several, on any number of queries.

    Args:
        stage: From `{column: [B, ...]}` and excluded positions `[B, E]` int32 to tensors
            `[B, ...]`: `TwoStage.generate`, a `TwoStage`, or a function of both. It is traced once.
        queries: `{column: [Q, ...]}`.
        seen: `[Q, (S)]` positions of the items that each query leaves out.
        batch_size: B, how many queries are answered at a time.

    Returns:
        The tensors of all queries, `[Q, ...]` each, as arrays.

    Example:
        >>> seen = tf.ragged.constant([[1], [], [2, 3]])
        >>> count = lambda queries, excluded: (tf.reduce_sum(tf.maximum(excluded, 0), axis=1),)
        >>> call_in_batches(count, {"user": np.arange(3)}, seen, batch_size=2)[0].tolist()
        [1, 0, 5]
    """
    columns = {name: tf.convert_to_tensor(values) for name, values in queries.items()}
    specs = {n: tf.TensorSpec([None, *t.shape[1:]], t.dtype) for n, t in columns.items()}
    graph = tf.function(
        lambda some, excluded: tuple(stage(some, excluded)),
        input_signature=[specs, tf.TensorSpec([None, None], tf.int32)],
        autograph=False,
    )
    parts = []
    # Without queries the stage is asked for none, so that the answer has its columns.
    for begin in range(0, max(1, int(seen.nrows())), batch_size):
        block = slice(begin, begin + batch_size)
        excluded = tf.pad(
            tf.cast(seen[block], tf.int32).to_tensor(-1), [[0, 0], [0, 1]], constant_values=-1
        )
        some = {name: values[block] for name, values in columns.items()}
        parts.append([values.numpy() for values in graph(some, excluded)])
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

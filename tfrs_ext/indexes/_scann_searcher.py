"""ScaNN's searcher as state that TensorFlow can save, without the library's traps."""

import functools
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext.indexes.op_library import load_op_library

OP_LIBRARY = "scann/scann_ops/cc/_scann_ops.so"
_INSTALL = (
    "A ScaNN index needs the scann package, which could not be imported ({error}): install it "
    'with `pip install "tfrs-ext[scann]"`, or use `tfrs_ext.indexes.Exact`.'
)


@functools.cache
def scann_ops() -> Any:
    """Returns `scann.scann_ops`; the import is late, since few programs need it."""
    try:
        import scann
    except ImportError as error:
        raise ImportError(_INSTALL.format(error=error)) from error
    load_op_library(OP_LIBRARY)
    return scann.scann_ops


# Queries of a part: below the first, sharing costs more than it gains; from the second on the
# operation shares a batch among its own threads.
_FEWEST_ROWS, _ROWS_OF_A_THREAD = 8, 256

# In the order of `scann_to_tensors`.
_PARTS = (
    "config",
    "partitioner",
    "tokens",
    "codebook",
    "hashed",
    "int8_vectors",
    "int8_multipliers",
    "norms",
    "vectors",
)


class ScannSearcher(tf.Module):
    """The tensors that a searcher consists of, and searches in it.

    Args:
        tensors: The parts by name, as `tensors()` gives them.
    """

    def __init__(self, tensors: Mapping[str, tf.Tensor]) -> None:
        super().__init__(name="scann_searcher")
        with tf.device("CPU"):
            self._parts = {
                name: tf.Variable(tensors[name], trainable=False, name=name) for name in _PARTS
            }
        # Searchers of one name are one searcher: a name that no other has keeps two indexes
        # in one SavedModel apart, and lets all signatures share one copy in memory.
        self._shared_name = f"scann-{uuid.uuid4()}"

    @classmethod
    def build(cls, candidates: tf.Tensor, configure: Callable[[Any], Any]) -> "ScannSearcher":
        """Trains a searcher.

        Args:
            candidates: `[C, D]` float32, finite: ScaNN ends the process at a NaN.
            configure: From a `ScannBuilder` to one with its options set.
        """
        ops = scann_ops()
        builder = configure(ops.builder(candidates, 1, "dot_product"))
        handle = builder.build().searcher_handle
        searcher = cls(dict(zip(_PARTS, ops.scann_to_tensors(handle), strict=True)))
        tf.raw_ops.DestroyResourceOp(resource=handle)
        return searcher

    @property
    def vectors(self) -> tf.Variable:
        """`[C, D]`, the candidates."""
        return self._parts["vectors"]

    # With these two properties Keras forgets the weights of a searcher that is replaced.
    @property
    def trainable_weights(self) -> list[tf.Variable]:
        """None."""
        return []

    @property
    def non_trainable_weights(self) -> list[tf.Variable]:
        """All parts."""
        return list(self._parts.values())

    def tensors(self) -> dict[str, tf.Variable]:
        """Returns the parts by name."""
        return dict(self._parts)

    def search(
        self, queries: tf.Tensor, k: Any, pre_reorder: Any, leaves: Any, parts: int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns rows and dot products `[B, k]`; places not filled have row 0 and NaN.

        Args:
            queries: `[B, D]` float32.
            k: How many results.
            pre_reorder: How many candidates are scored exactly.
            leaves: How many leaves are searched.
            parts: How many operations, which a graph runs side by side, share the queries.
        """

        def search(part: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # A handle for each part: searches with one handle ran one after the other, on one core.
            # Told to be parallel the operation takes an empty part, and shares more than 256 rows.
            rows, scores = scann_ops().scann_search_batched(
                self._handle(), part, k, pre_reorder, leaves, True
            )
            # Where no query of a part found k, the library returns fewer columns.
            missing = [[0, 0], [0, tf.maximum(k - tf.shape(rows)[1], 0)]]
            return tf.pad(rows, missing), tf.pad(scores, missing, constant_values=float("nan"))

        found = [search(part) for part in _shared_out(queries, parts)]
        rows, scores = zip(*found, strict=True)
        return tf.concat(rows, axis=0), tf.concat(scores, axis=0)

    def release(self) -> None:
        """Frees the memory of the searcher in this process."""
        tf.raw_ops.DestroyResourceOp(resource=self._handle(), ignore_lookup_error=True)

    def _handle(self) -> tf.Tensor:
        # The operation takes the vectors first.
        parts = [self._parts[name] for name in (_PARTS[-1], *_PARTS[:-1])]
        return scann_ops().tensors_to_scann(*parts, shared_name=self._shared_name)


def _shared_out(queries: tf.Tensor, parts: int) -> list[tf.Tensor]:
    """Returns the queries in parts, of which the last may be empty."""
    if parts == 1 or tf.executing_eagerly():  # Eager operations wait for each other.
        return [queries]
    rows = tf.shape(queries)[0]
    share = tf.maximum(-(-rows // parts), _FEWEST_ROWS)
    share = tf.where(rows >= parts * _ROWS_OF_A_THREAD, rows, share)
    ends = tf.minimum(share * tf.range(parts + 1), rows)
    return list(tf.split(queries, ends[1:] - ends[:-1], num=parts))

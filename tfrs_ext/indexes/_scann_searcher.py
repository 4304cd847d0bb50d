"""ScaNN's searcher as state that TensorFlow can save, without the library's traps."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

_INSTALL = (
    "A ScaNN index needs the scann package, which could not be imported ({error}): install it "
    'with `pip install "tfrs-ext[scann]"`, or use `tfrs_ext.indexes.Exact`.'
)


def scann_ops() -> Any:
    """Returns `scann.scann_ops`; the import is late, since few programs need it."""
    try:
        from scann import scann_ops as ops
    except ImportError as error:
        raise ImportError(_INSTALL.format(error=error)) from error
    return ops


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
        self, queries: tf.Tensor, k: Any, pre_reorder: Any, leaves: Any, parallel: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns rows and dot products `[B, K]`; places not filled have row 0 and NaN."""
        rows, scores = scann_ops().scann_search_batched(
            self._handle(), queries, k, pre_reorder, leaves, parallel
        )
        return rows, scores

    def release(self) -> None:
        """Frees the memory of the searcher in this process."""
        tf.raw_ops.DestroyResourceOp(resource=self._handle(), ignore_lookup_error=True)

    def _handle(self) -> tf.Tensor:
        # The operation takes the vectors first.
        parts = [self._parts[name] for name in (_PARTS[-1], *_PARTS[:-1])]
        return scann_ops().tensors_to_scann(*parts, shared_name=self._shared_name)

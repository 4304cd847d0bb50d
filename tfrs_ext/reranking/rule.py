"""What the rules share: ranked lists in, ranked lists out."""

import abc
from collections.abc import Mapping
from typing import Literal, NamedTuple

import tensorflow as tf

from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.typing import TensorLike

Asked = Mapping[str, tf.Tensor]
"""What a request says besides who asks, by the names of `RequestInput`s."""


class RequestInput(NamedTuple):
    """What a rule reads of each request.

    Attributes:
        name: The name under which a request carries it.
        kind: `"items"`, which requests carry as ids and rules read as positions `[B, E]` int32, -1
            for none; `"tags"`, strings `[B, A]`, `""` for none; or `"numbers"`, float32 `[B, E]`.
    """

    name: str
    kind: Literal["items", "tags", "numbers"]

    def empty(self, queries: tf.Tensor) -> tf.Tensor:
        """Returns what stands for nothing in a number of queries, `[B, 1]`."""
        nothing = {
            "items": tf.constant([-1]),
            "tags": tf.constant([""]),
            "numbers": tf.constant([0.0]),
        }
        return tf.tile(nothing[self.kind][None], [queries, 1])


class Rule(tf.Module, abc.ABC):
    """A step that changes ranked lists: it drops items, moves them or scores them anew.

    A rule is TensorFlow alone, so that it is exported with the model, and knows items by their
    positions in the catalogue. Rules follow one another in `stages.TwoStage`; what chooses for
    variety (`MarginalRelevance`, `Determinantal`) comes last, because it looks at k places.

    A subclass implements `__call__`. `inputs` names what it reads of a request; `num_items` says
    for how many items it has a table.

    Call arguments:
        ranked: The lists, best first.
        request: `{input: tensor}` with all of `inputs`.
        k: int32 scalar, how many places the answer will have, from 1 to M.

    Attributes:
        inputs: What it reads of a request; nothing, if a subclass doesn't say.
        num_items: C, or None where it has no table of items.
        reason: What answers say of an item for which `explains` is True; "" for nothing.

    Returns:
        The lists, of the same width.
    """

    inputs: tuple[RequestInput, ...] = ()
    num_items: int | None = None
    reason: str = ""

    @abc.abstractmethod
    def __call__(self, ranked: Ranked, request: Asked, k: tf.Tensor) -> Ranked:
        """Returns the lists as the rule wants them."""

    def excluded(self, request: Asked) -> tf.Tensor | None:
        """Returns positions `[B, E]` that needn't be looked for, as none of them will be shown.

        Args:
            request: `{input: tensor}` with all of `inputs`.
        """
        return None

    def explains(self, positions: tf.Tensor) -> tf.Tensor:
        """Returns whether the rule is a reason why items are shown.

        Args:
            positions: `[B, K]` int32 of the items shown.

        Returns:
            `[B, K]` bool.
        """
        return tf.zeros_like(positions, tf.bool)


def keep_table(values: TensorLike, dtype: tf.DType, rank: int, argument: str) -> tf.Variable:
    """Returns a table of items that an export takes along.

    Args:
        values: `[C]` or `[C, D]`, finite.
        dtype: The dtype of the table.
        rank: 1 or 2.
        argument: The name of the argument, for the error.
    """
    table = tf.cast(tf.convert_to_tensor(values), dtype)
    if table.shape.rank != rank or not table.shape[0]:
        wanted = "[C]" if rank == 1 else "[C, D]"
        raise ValueError(
            f"`{argument}` must have a row for each item, {wanted}, received shape={table.shape}."
        )
    if dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(table))):
        raise ValueError(f"`{argument}` must be finite, received NaN or infinity.")
    with tf.device("CPU"):
        return tf.Variable(table, trainable=False)


def scale(scores: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Returns scores times factors; a negative score is divided, so that more always lifts.

    Args:
        scores: `[B, M]` float32.
        factors: `[B, M]` float32, > 0.
    """
    return tf.where(scores < 0, scores / factors, scores * factors)

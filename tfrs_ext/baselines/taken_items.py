"""The items of histories, as pairs of a history and a position."""

import dataclasses

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.typing import PrintFn, TensorLike


@dataclasses.dataclass(frozen=True)
class TakenItems:
    """Histories as a flat list of their entries, history by history, oldest first.

    Attributes:
        count: Scalar int32, the number of histories, B.
        owners: `[P]` int32, ascending: the history of each entry.
        positions: `[P]` int32: the position of each entry's item.
    """

    count: tf.Tensor
    owners: tf.Tensor
    positions: tf.Tensor

    @classmethod
    def of(cls, histories: TensorLike) -> "TakenItems":
        """Returns the entries of `[B, (L)]`, or of `[B, L]` without its negative numbers."""
        histories = as_ragged(histories)
        owners = tf.cast(histories.value_rowids(), tf.int32)
        positions = tf.cast(histories.values, tf.int32)
        real = positions >= 0
        count = tf.cast(histories.nrows(), tf.int32)
        return cls(count, tf.boolean_mask(owners, real), tf.boolean_mask(positions, real))

    def check(self, num_candidates: int) -> None:
        """Raises ValueError where a position isn't that of a candidate.

        Args:
            num_candidates: C.
        """
        highest = int(tf.reduce_max(tf.concat([self.positions, [-1]], 0)))
        if highest >= num_candidates:
            raise ValueError(
                f"`histories` must hold positions below num_candidates={num_candidates}, "
                f"received {highest}: count the candidates anew."
            )

    def distinct(self, num_candidates: int) -> "TakenItems":
        """Returns every item of a history once, by position; their order is lost."""
        width = tf.constant(num_candidates, tf.int64)
        keys = tf.cast(self.owners, tf.int64) * width + tf.cast(self.positions, tf.int64)
        keys = tf.sort(tf.unique(keys).y)
        owners, positions = keys // width, keys % width
        return TakenItems(self.count, tf.cast(owners, tf.int32), tf.cast(positions, tf.int32))

    def ages(self) -> tf.Tensor:
        """Returns how many entries of its history come after each entry, `[P]` int32."""
        ends = tf.searchsorted(self.owners, self.owners, side="right")
        return ends - tf.range(tf.size(self.owners)) - 1

    def keep(self, mask: tf.Tensor) -> "TakenItems":
        """Returns the entries for which `mask` `[P]` is true."""
        owners, positions = (tf.boolean_mask(part, mask) for part in (self.owners, self.positions))
        return TakenItems(self.count, owners, positions)

    def splits(self) -> tf.Tensor:
        """Returns where the entries of each history begin, and their number, `[B + 1]` int32."""
        return tf.searchsorted(self.owners, tf.range(self.count + 1))

    def add_up(self, weights: tf.Tensor, width: int) -> tf.Tensor:
        """Returns the sums of the weights `[P]` of each position in each history, `[B, width]`."""
        return sum_by_column(self.splits(), self.positions, weights, width)


@dataclasses.dataclass(frozen=True)
class TrainingLog:
    """What a baseline learns from.

    Attributes:
        taken: The histories of the training part.
        times: `[P]` float64, the time of each entry of `taken`, for a baseline that reads times.
        groups: `[U]`, the group of each history's user, for a baseline that reads groups.
        print_fn: Where lines for people go.
    """

    taken: TakenItems
    times: npt.NDArray[np.float64] | None
    groups: tf.Tensor | None
    print_fn: PrintFn


def as_ragged(histories: TensorLike) -> tf.RaggedTensor:
    """Returns `[B, (L)]`: ragged histories as they are, padded ones with their padding."""
    if isinstance(histories, tf.RaggedTensor):
        return histories
    return tf.RaggedTensor.from_tensor(tf.convert_to_tensor(histories), ragged_rank=1)


def sum_by_column(
    splits: tf.Tensor, columns: tf.Tensor, weights: tf.Tensor, width: int | tf.Tensor
) -> tf.Tensor:
    """Returns `[B, width]` float32: in row b, the sums of the weights of each column.

    One pass in the order of memory: several times as fast as scattering by row and column.

    Args:
        splits: `[B + 1]` where the entries of each row begin, and their number.
        columns: `[N]` int32, below `width`.
        weights: `[N]` float32.
        width: The number of columns.
    """
    with tf.device("CPU"):  # Elsewhere the operation doesn't exist.
        sums = tf.raw_ops.RaggedBincount(
            splits=tf.cast(splits, tf.int64),
            values=columns,
            size=tf.cast(width, tf.int32),
            weights=tf.cast(weights, tf.float32),
        )
    return tf.reshape(sums, [tf.size(splits) - 1, width])  # It forgets the shape.

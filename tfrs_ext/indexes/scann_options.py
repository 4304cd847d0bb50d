"""What a ScaNN index is told, and what follows from it for a corpus of a size."""

import dataclasses
import math
from typing import Any

import tensorflow as tf

# Below these sizes a partition, or a quantisation, costs recall and saves next to nothing.
_PARTITIONED_FROM, _QUANTISED_FROM = 50_000, 256
# Codes of fewer numbers tell too few candidates apart: of 20,000 the recall was .09 with one number
# and .86 with eight, while scoring all of them exactly took as long.
_QUANTISED_FROM_WIDTH = 8
_SHARE_SEARCHED, _REORDERED_PER_RESULT = 0.1, 2
# Of k-means: with 100 a leaf, up to 1.8 times as many leaves had to be searched.
_TRAINED_ON_PER_LEAF, _TRAINED_ON = 400, 100_000
# Anisotropic centres: 4 gained one to two points of recall at equal work, over 1, 2.5 and 8.
_AVQ = 4.0


@dataclasses.dataclass(frozen=True)
class ScannOptions:
    """The arguments of `ScaNN` that say how it is built and searched; see there.

    Attributes:
        num_leaves: Number of leaves, or None.
        num_leaves_to_search: Number of leaves that a query searches, or None.
        training_iterations: Iterations of k-means.
        dimensions_per_block: Dimensions that share one code.
        num_reordering_candidates: Candidates scored exactly in the end, or None.
        anisotropic_quantization_threshold: T of anisotropic quantisation, or None.
    """

    num_leaves: int | None
    num_leaves_to_search: int | None
    training_iterations: int
    dimensions_per_block: int
    num_reordering_candidates: int | None
    anisotropic_quantization_threshold: float | None

    def check(self) -> None:
        """Refuses what ScaNN would end the process at, or take for something else.

        Raises:
            ValueError: Where a number isn't positive.
        """
        for name, value in dataclasses.asdict(self).items():
            is_threshold = name == "anisotropic_quantization_threshold"
            if value is None:
                continue
            if is_threshold and not 0 <= value < math.inf:
                raise ValueError(f"`{name}` must be a number from 0 on or None, received {value}.")
            if not is_threshold and (value < 1 or value != int(value)):
                raise ValueError(f"`{name}` must be a positive integer, received {name}={value}.")

    def check_corpus(self, count: int, width: int) -> None:
        """Refuses numbers that a corpus is too small for.

        Args:
            count: C.
            width: D.

        Raises:
            ValueError: Where there are more leaves than candidates, or blocks wider than D.
        """
        if self.num_leaves is not None and self.num_leaves > count:
            raise ValueError(
                f"`num_leaves` must be at most the number of candidates, {count}, received "
                f"num_leaves={self.num_leaves}; None suits the size of the corpus."
            )
        if self.dimensions_per_block > width:
            raise ValueError(
                f"`dimensions_per_block` must be at most the candidates' width, {width}, received "
                f"dimensions_per_block={self.dimensions_per_block}."
            )

    def leaves(self, count: int) -> int:
        """Returns the number of leaves of a partition of so many candidates."""
        if self.num_leaves is not None:
            return self.num_leaves
        return 1 if count < _PARTITIONED_FROM else round(12 * count ** (1 / 3))

    def leaves_searched(self, count: int) -> int:
        """Returns how many leaves a query searches where k doesn't need more."""
        searched = self.num_leaves_to_search or math.ceil(_SHARE_SEARCHED * self.leaves(count))
        return min(searched, self.leaves(count))

    def reordered(self, k: int | tf.Tensor) -> int | tf.Tensor:
        """Returns how many candidates are scored exactly for k results; k at least are."""
        return self.num_reordering_candidates or _REORDERED_PER_RESULT * k

    def is_quantised(self, count: int, width: int) -> bool:
        """Returns whether candidates `[C, D]` are scored by codes at first."""
        return count >= _QUANTISED_FROM and width >= _QUANTISED_FROM_WIDTH

    def configure(self, builder: Any, count: int, width: int, k: int) -> Any:
        """Returns ScaNN's builder with the options set.

        Args:
            builder: A `ScannBuilder`.
            count: C.
            width: D.
            k: Number of results where a call gives none.
        """
        leaves = self.leaves(count)
        if leaves > 1:
            builder = builder.tree(
                leaves,
                self.leaves_searched(count),
                training_iterations=self.training_iterations,
                training_sample_size=max(_TRAINED_ON, _TRAINED_ON_PER_LEAF * leaves),
                quantize_centroids=True,
                avq=_AVQ,
            )
        if not self.is_quantised(count, width):
            return builder.score_brute_force()
        threshold = self.anisotropic_quantization_threshold
        return builder.score_ah(
            self.dimensions_per_block,
            anisotropic_quantization_threshold=math.nan if threshold is None else threshold,
        ).reorder(max(k, self.reordered(k)))


def leaves_needed(k: int | tf.Tensor, leaves: int, count: int) -> int | tf.Tensor:
    """Returns twice the leaves that k candidates fill on average, since leaves differ in size.

    Args:
        k: Number of results.
        leaves: Leaves of the partition.
        count: C.
    """
    if isinstance(k, int):
        return min(-(-2 * k * leaves // count), leaves)
    share = tf.cast(k, tf.float32) / count  # In floats: the product of large numbers is no int32.
    return tf.minimum(tf.cast(tf.math.ceil(2.0 * leaves * share), tf.int32), leaves)

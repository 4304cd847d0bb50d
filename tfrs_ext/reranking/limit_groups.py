"""The rule of at most n items of a group."""

import tensorflow as tf

from tfrs_ext.ops.equal_entries import count_before
from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.reranking.rule import Asked, Rule, keep_table
from tfrs_ext.typing import TensorLike


class LimitGroups(Rule):
    """Keeps at most n items of each group, the best of them: of a seller, a series, a genre.

    Args:
        groups: `[C]` integers or strings, the group of each item; negative numbers and `""` are of
            no group, and not limited.
        at_most: How many items of one group a list may have, at least 1.

    Relations:
        `MarginalRelevance` and `Determinantal` spread by likeness instead of by names.

    Example:
        >>> ranked = Ranked(*map(tf.constant, ([[3.0, 2.0, 1.0]], [[0, 1, 2]], [[1, 1, 1]])))
        >>> rule = LimitGroups(["anna", "anna", "ben"], at_most=1)
        >>> rule(ranked, {}, 2).positions.numpy().tolist()
        [[0, 2, -1]]
    """

    def __init__(self, groups: TensorLike, at_most: int) -> None:
        super().__init__(name="limit_groups")
        if at_most < 1:
            raise ValueError(f"`at_most` must be a positive integer, received at_most={at_most}.")
        self.at_most = at_most
        self._groups = keep_table(_number(groups), tf.int32, 1, "groups")
        self.num_items = int(self._groups.shape[0])

    def __call__(self, ranked: Ranked, request: Asked, k: tf.Tensor) -> Ranked:
        """Returns the lists without what is too much of a group."""
        groups = ranked.look_up(self._groups)
        return ranked.drop((groups >= 0) & (count_before(groups) >= self.at_most))


def _number(groups: TensorLike) -> tf.Tensor:
    """Returns a number for each group, -1 for none."""
    values = tf.convert_to_tensor(groups)
    if values.shape.rank != 1 or not (values.dtype.is_integer or values.dtype == tf.string):
        raise ValueError(
            "`groups` must be integers or strings [C], one for each item, received "
            f"dtype={values.dtype.name}, shape={values.shape}."
        )
    is_none = values == "" if values.dtype == tf.string else values < 0
    return tf.where(is_none, -1, tf.unique(values).idx)

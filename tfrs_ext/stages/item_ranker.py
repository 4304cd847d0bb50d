"""A ranking model with the items that it ranks."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from tfrs_ext.ops.pair_scores import score_pairs
from tfrs_ext.stages.pair_score import PairScore
from tfrs_ext.stages.reading import columns_read, names_read
from tfrs_ext.typing import Columns


class ItemRanker(tf.Module):
    """Scores items, by position, for queries.

    Args:
        model: A model from `{column: [N, ...]}` of both sides to scores `[N, 1]` or `[N]`, such as
            a `models.RankingModel`.
        items: `{column: [C, ...]}`, what the model reads of items.
        pair_scores: What the generators know of pairs, each a column of its own that the model
            reads, such as `Affinity` and `Similarity`.

    Call arguments:
        queries: `{column: [B, ...]}`, what the model reads of users.
        positions: `[B, M]` int32; -1 is scored as whatever item, so look away from it.

    Returns:
        `[B, M]` float32.

    Raises:
        ValueError: If `items` has no columns of equal length that the model reads, or a pair score
            has the column of another one, of items or of queries, or one that the model, which
            says what it reads, doesn't read.

    Example:
        >>> ranker = ItemRanker(lambda columns, training: columns["price"], {"price": [3.0, 1.0]})
        >>> ranker({"user": tf.constant([1])}, tf.constant([[1, 0]])).numpy().tolist()
        [[1.0, 3.0]]
    """

    def __init__(
        self,
        model: Callable[..., tf.Tensor],
        items: Columns,
        pair_scores: Sequence[PairScore] = (),
    ) -> None:
        super().__init__(name="item_ranker")
        self.model, self.pair_scores = model, list(pair_scores)
        read = names_read(model)
        _check_columns(self.pair_scores, items, read)
        tensors = {
            name: tf.convert_to_tensor(values)
            for name, values in items.items()
            if read is None or name in read
        }
        if not tensors or len({int(values.shape[0]) for values in tensors.values()}) != 1:
            raise ValueError(
                "`items` must hold columns of equal length that the model reads, received "
                f"{sorted(items)} for a model that reads {read}."
            )
        with tf.device("CPU"):
            self._items = {n: tf.Variable(values, trainable=False) for n, values in tensors.items()}

    @property
    def num_items(self) -> int:
        """C, the number of items."""
        return int(next(iter(self._items.values())).shape[0])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of queries that the model reads, as far as it says so."""
        made = {*self._items, *(score.column for score in self.pair_scores)}
        read = [name for name in names_read(self.model) or () if name not in made]
        read += [name for score in self.pair_scores for name in score.columns]
        return tuple(dict.fromkeys(read))

    def __call__(self, queries: Mapping[str, tf.Tensor], positions: tf.Tensor) -> tf.Tensor:
        """Returns the scores."""
        hidden = sorted({score.column for score in self.pair_scores} & set(queries))
        if hidden:
            raise ValueError(
                "`queries` must not hold the columns of `pair_scores`, received both for "
                f"{hidden}: give the scores other names by `column`."
            )
        positions = tf.maximum(positions, 0)
        pairs = {score.column: score(queries, positions) for score in self.pair_scores}
        read = names_read(self.model) or queries
        users = {n: v for n, v in queries.items() if n in read and n not in self._items}
        return score_pairs(self._score, users, self._items, positions, pairs=pairs)

    def _score(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        scores = self.model(columns_read(self.model, columns), training=False)
        return tf.cast(tf.reshape(scores, [-1]), tf.float32)


def _check_columns(
    scores: Sequence[PairScore], items: Columns, read: tuple[str, ...] | None
) -> None:
    """Refuses scores whose columns would hide others, or which nobody reads."""
    names = [score.column for score in scores]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"`pair_scores` must have a column each, received two or more of {twice}: give them "
            "other names by `column`."
        )
    asked = {name for score in scores for name in score.columns}
    hidden = [name for name in names if name in items or name in asked]
    if hidden:
        raise ValueError(
            f"`pair_scores` must not have the columns of items or queries, received {hidden}: give "
            "the scores other names by `column`."
        )
    unread = [name for name in names if read is not None and name not in read]
    if unread:
        raise ValueError(
            f"`pair_scores` must be columns that the model reads, received {unread} for a model "
            f"that reads {sorted(read or ())}: leave these scores out."
        )

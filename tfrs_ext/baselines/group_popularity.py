"""What is popular among users of the same kind."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.sparse_rows import SparseRows, growing
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog
from tfrs_ext.ops.hashing import fingerprint
from tfrs_ext.typing import Config, HyperParameters, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class GroupPopularityBaseline(Baseline):
    """Ranks candidates by their share of what users of the query's group took.

    `score(query, c) = (|c in the group| + prior · share(c)) / (|group| + prior)`, where share(c) is
    the share of c in all entries, and |group| the number of the group's entries. A group that
    training didn't see gets share(c).

    Args:
        num_candidates: The number of candidates, C.
        prior: How many average entries each group is given in addition, > 0.
        group: The name of the column with the group in tables of users and in requests.
        group_dtype: `"string"` or `"int64"`, the type of that column; None for that of the groups
            that `fit` is given.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. Only their number matters.
        groups: `[B]` integers or strings, the group of each query's user: a country, an age.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: `prior` isn't positive, or there are no groups, or they are of another type than
            `group_dtype`.

    Relations:
        `PopularityBaseline` knows no groups.

    Example:
        >>> baseline = GroupPopularityBaseline(2, prior=1.0)
        >>> _ = baseline.fit(tf.constant([[0], [1], [1]]), groups=["young", "old", "old"])
        >>> scores = baseline(tf.constant([[0], [0]]), ["old", "new"])
        >>> [round(score, 3) for score in scores.numpy()[:, 1].tolist()]
        [0.889, 0.667]
    """

    reads_history = False
    reads_groups = True

    def __init__(
        self,
        num_candidates: int,
        prior: float = 100.0,
        group: str = "group",
        group_dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_candidates, **kwargs)
        if not prior > 0:
            raise ValueError(f"`prior` must be greater than 0, received prior={prior}.")
        if group_dtype not in (None, "string", "int64"):
            raise ValueError(
                f'`group_dtype` must be "string", "int64" or None, received {group_dtype!r}.'
            )
        self.prior, self.group, self.group_dtype = prior, group, group_dtype
        self._keys = growing("keys", tf.int64)
        self._sizes = growing("sizes", tf.float32)
        self._counts = SparseRows(name="counts")

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns a prior.

        Args:
            hp: The hyper-parameters.
        """
        return {"prior": hp.Float("prior", 1.0, 10_000.0, default=100.0, sampling="log")}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        own = {"prior": self.prior, "group": self.group, "group_dtype": self.group_dtype}
        return {**super().get_config(), **own}

    def _learn(self, log: TrainingLog) -> None:
        groups = tf.convert_to_tensor(log.groups)
        self.group_dtype = self.group_dtype or _kind_of(groups)
        self._check_type(groups)
        keys, group = np.unique(fingerprint(groups).numpy(), return_inverse=True)
        entries = group[log.taken.owners.numpy()].astype(np.int64) * self.num_candidates
        cells, counts = np.unique(entries + log.taken.positions.numpy(), return_counts=True)
        rows, columns = np.divmod(cells, self.num_candidates)
        self._keys.assign(keys)
        self._sizes.assign(np.bincount(rows, counts, len(keys)).astype(np.float32))
        self._counts.assign(rows, columns, counts, len(keys))

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        groups, known = tf.convert_to_tensor(groups), self._keys
        self._check_type(groups)
        wanted = fingerprint(groups)
        # One more stands behind all keys, so that a search never leaves the list.
        padded = tf.concat([known, [tf.int64.max]], 0)
        rows = tf.searchsorted(known, wanted)
        is_known = (tf.gather(padded, rows) == wanted) & (rows < tf.size(known))
        owners = tf.boolean_mask(tf.range(queries.count), is_known)
        asked = TakenItems(queries.count, owners, tf.boolean_mask(rows, is_known))
        counts = self._counts.add_up(asked, None, self.num_candidates)
        sizes = tf.gather(tf.concat([self._sizes, [0.0]], 0), rows)
        sizes = tf.where(is_known, sizes, 0.0)[:, tf.newaxis]
        popularity = tf.cast(self._popularity, tf.float32)
        shares = popularity / tf.maximum(tf.reduce_sum(popularity), 1.0)
        return (counts + self.prior * shares) / (sizes + self.prior)

    def _dtype_of_groups(self) -> str:
        return self.group_dtype or "string"

    def _check_type(self, groups: tf.Tensor) -> None:
        """Raises ValueError where an integer would be compared with the hash of a text."""
        if self.group_dtype not in (None, _kind_of(groups)):
            raise ValueError(
                f"`groups` must be of `group_dtype`, {self.group_dtype}, received "
                f"dtype={groups.dtype.name}: convert them."
            )


def _kind_of(groups: tf.Tensor) -> str:
    if groups.dtype != tf.string and not groups.dtype.is_integer:
        raise ValueError(
            f"`groups` must be integers or strings, received dtype={groups.dtype.name}."
        )
    return "string" if groups.dtype == tf.string else "int64"

"""EASE: linear weights between items in closed form."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.co_occurrence import count_together
from tfrs_ext.baselines.positive_definite import invert_in_place
from tfrs_ext.baselines.sparse_rows import SparseRows, growing
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog
from tfrs_ext.typing import Config, HyperParameters, PrintFn, TensorLike

_MATRICES = 2  # Of float64, more than there are at any moment.
_ROWS = 256  # That are looked through at once.


@keras.saving.register_keras_serializable(package="tfrs_ext")
class EASE(Baseline):
    """Ranks candidates by weights that predict each item best from the others of a history.

    `score(query, c) = Σ_{h in history} B[h, c]`, `B = I - P / diag(P)`, `P = (X'X + λI)^-1`, where
    X is the matrix of ones of users by items: the weights that minimise `||X - XB||² + λ||B||²`
    with a diagonal of zeros. They are solved for in float64.

    Queries without a history get candidates by popularity, with scores in [-1, 0).

    Args:
        num_candidates: The number of candidates, C.
        regularization: λ, > 0.
        neighbors: The number of weights of each item that are kept, the largest by magnitude; None
            keeps all, in a matrix of `4 C²` bytes.
        max_items: The number of the most popular items that weights are solved for; the others
            have none. None for all.
        memory_limit: The number of bytes that the solving may take, which is `16 C²`.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. A candidate counts once in a history.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: An argument is out of its range, or solving would take too much memory.

    Relations:
        `ItemToItemBaseline` needs no solving, and any number of items.

    Example:
        >>> baseline = EASE(3, regularization=1.0).fit(tf.constant([[0, 1], [0, 1], [1, 2]]))
        >>> [round(score, 3) for score in baseline(tf.constant([[0]])).numpy()[0].tolist()]
        [0.0, 0.667, -0.25]

    References:
        Steck: Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, arXiv:1905.03375.
    """

    relates_items = True

    def __init__(
        self,
        num_candidates: int,
        regularization: float = 500.0,
        neighbors: int | None = None,
        max_items: int | None = None,
        memory_limit: float = 8e9,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_candidates, **kwargs)
        if not regularization > 0:
            raise ValueError(f"`regularization` must be greater than 0, received {regularization}.")
        for name, value in (("neighbors", neighbors), ("max_items", max_items)):
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1 or None, received {name}={value}.")
        self.regularization, self.memory_limit = regularization, memory_limit
        self.neighbors, self.max_items = neighbors, max_items
        self._items = growing("items", tf.int32)
        self._places = growing("places", tf.int32)
        self._dense = growing("weights", tf.float32, [[]])
        self._sparse = SparseRows(name="kept")

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns λ.

        Args:
            hp: The hyper-parameters.
        """
        choices = [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0]
        return {"regularization": hp.Choice("regularization", choices, default=500.0)}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        names = ("regularization", "neighbors", "max_items", "memory_limit")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _learn(self, log: TrainingLog) -> None:
        count = min(self.max_items or self.num_candidates, self.num_candidates)
        self._check_memory(count, log.print_fn)
        items = np.sort(np.argsort(-self._popularity.numpy(), kind="stable")[:count])
        places = np.full(self.num_candidates, -1, np.int32)
        places[items] = np.arange(count)
        pairs = log.taken.distinct(self.num_candidates)
        at = places[pairs.positions.numpy()]
        weights = _solve(pairs.owners.numpy()[at >= 0], at[at >= 0], count, self.regularization)
        self._items.assign(items.astype(np.int32))
        self._places.assign(places)
        if self.neighbors is None:
            weights = weights.astype(np.float32)  # The other one is gone before this is copied.
            self._dense.assign(weights)
            return
        kept = min(self.neighbors, count)
        columns = _strongest(weights, kept)
        values = np.take_along_axis(weights, columns, axis=1)
        rows = np.repeat(items, kept)
        self._sparse.assign(rows, items[columns.ravel()], values.ravel(), self.num_candidates)

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        asked = queries.distinct(self.num_candidates)
        if self.neighbors is not None:
            scores = self._sparse.add_up(asked, None, self.num_candidates)
            return self._popular_where_silent(scores)
        places = tf.gather(self._places, asked.positions)
        known = TakenItems(asked.count, asked.owners, places).keep(places >= 0)
        ones = tf.ones_like(known.owners, tf.float32)
        products = known.add_up(ones, tf.size(self._items)) @ self._dense
        if self.max_items is not None:
            # A column of zeros for the items without weights.
            padded = tf.pad(products, [[0, 0], [0, 1]])
            at = tf.where(self._places >= 0, self._places, tf.size(self._items))
            products = tf.gather(padded, at, axis=1)
        return self._popular_where_silent(tf.ensure_shape(products, [None, self.num_candidates]))

    def _check_memory(self, count: int, print_fn: PrintFn) -> None:
        needed = _MATRICES * 8 * count**2
        if needed > self.memory_limit:
            most = int((self.memory_limit / (_MATRICES * 8)) ** 0.5)
            raise ValueError(
                f"EASE must solve for {count:,} items within memory_limit="
                f"{self.memory_limit / 1e9:.1f} GB, and would take {needed / 1e9:.1f} GB: give "
                f"`max_items={most}`, which solves for the most popular alone, or a higher "
                "`memory_limit`; `ItemToItemBaseline` needs no solving."
            )
        print_fn(f"EASE solves for {count:,} items, which takes {needed / 1e9:.2f} GB")


def _solve(
    owners: npt.NDArray[np.int32],
    items: npt.NDArray[np.int32],
    count: int,
    regularization: float,
) -> npt.NDArray[np.floating[Any]]:
    """Returns the weights B `[count, count]` of items that owners have, no pair twice."""
    together = np.zeros([count, count])
    num_owners = int(owners.max(initial=-1)) + 1
    for block in count_together(owners, items, num_owners, count):
        rows = np.repeat(block.rows, np.diff(block.splits))
        together[rows, block.columns.numpy()] = block.counts.numpy()
    together[np.diag_indices(count)] += regularization
    invert_in_place(together)
    together /= -np.diag(together).copy()
    together[np.diag_indices(count)] = 0.0
    return together


def _strongest(weights: npt.NDArray[np.floating[Any]], kept: int) -> npt.NDArray[np.intp]:
    """Returns the columns of each row's largest weights by magnitude, `[C, kept]`."""
    parts = np.array_split(weights, -(-len(weights) // _ROWS))
    found = (np.argpartition(-np.abs(part), kept - 1, axis=1) for part in parts)
    return np.concatenate([columns[:, :kept].copy() for columns in found])

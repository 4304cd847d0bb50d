"""Implicit matrix factorisation by alternating least squares."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.sparse_rows import growing
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog
from tfrs_ext.typing import Config, HyperParameters, TensorLike

_FACTORS_IN_BLOCK = 2**22


@keras.saving.register_keras_serializable(package="tfrs_ext")
class IALS(Baseline):
    """Ranks candidates by factors that alternating least squares finds, by the library `implicit`.

    Training minimises `Σ_{u, c} w (x_u' y_c - [u took c])² + λ (Σ|x_u|² + Σ|y_c|²)` over all pairs,
    where w is `alpha` for what a user took, and 1 else. A query is a history: its factor is solved
    for when it is asked, `x = (Y'Y + Σ_h (alpha - 1) y_h y_h' + λI)^-1 Σ_h alpha y_h`, so that a
    user whom training didn't know is answered like one that it knew. `score(query, c) = x' y_c`.

    Queries without a history get candidates by popularity, with scores in [-1, 0).

    Args:
        num_candidates: The number of candidates, C.
        factors: The width of the factors, D.
        alpha: The weight of what a user took, > 0; that of all else is 1.
        regularization: λ, > 0.
        iterations: The number of times that both sides are solved for.
        seed: The seed of the factors at the beginning.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. A candidate counts once in a history.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: An argument is out of its range.
        ImportError: `fit` finds no `implicit`.

    Relations:
        `models.MatrixFactorization` learns factors by gradients, with any loss. `EASE` is the
        full-rank answer to the same question, where its matrix fits.

    Example:
        >>> IALS(3, factors=2).get_config()["factors"]
        2

    References:
        Hu, Koren and Volinsky: Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008.
    """

    relates_items = True

    def __init__(
        self,
        num_candidates: int,
        factors: int = 64,
        alpha: float = 10.0,
        regularization: float = 1.0,
        iterations: int = 15,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_candidates, **kwargs)
        numbers = {"factors": factors, "alpha": alpha, "regularization": regularization}
        for name, value in {**numbers, "iterations": iterations}.items():
            if not value > 0:
                raise ValueError(f"`{name}` must be greater than 0, received {name}={value}.")
        self.factors, self.alpha, self.regularization = factors, alpha, regularization
        self.iterations, self.seed = iterations, seed
        self._factors = growing("factors", tf.float32, [[]])

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns the width, the weight and λ.

        Args:
            hp: The hyper-parameters.
        """
        return {
            "factors": hp.Choice("factors", [32, 64, 128], default=64),
            "alpha": hp.Choice("alpha", [1.5, 3.0, 10.0, 30.0], default=10.0),
            "regularization": hp.Choice("regularization", [0.1, 1.0, 10.0, 100.0], default=1.0),
        }

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        names = ("factors", "alpha", "regularization", "iterations", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _learn(self, log: TrainingLog) -> None:
        fit, matrix = _import_solver()
        pairs = log.taken.distinct(self.num_candidates)
        ones = np.ones(len(pairs.owners), np.float32)
        shape = (int(log.taken.count), self.num_candidates)
        log.print_fn(f"iALS solves {self.iterations} times for {shape[0]:,} users")
        taken = matrix((ones, (pairs.owners.numpy(), pairs.positions.numpy())), shape=shape)
        settings = {
            "factors": self.factors,
            "alpha": self.alpha,
            "regularization": self.regularization,
            "iterations": self.iterations,
            "random_state": self.seed,
        }
        self._factors.assign(fit(taken, settings))

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        items, asked = self._factors.read_value(), queries.distinct(self.num_candidates)
        solved = self._solve_users(asked, items)
        scores = tf.ensure_shape(solved @ tf.transpose(items), [None, self.num_candidates])
        return self._popular_where_silent(scores)

    def _solve_users(self, asked: TakenItems, items: tf.Tensor) -> tf.Tensor:
        """Returns the factors of histories, `[B, D]`, some histories at a time."""
        splits = asked.splits()
        histories = tf.RaggedTensor.from_row_splits(asked.positions, splits, validate=False)
        longest = tf.maximum(tf.reduce_max(tf.concat([splits[1:] - splits[:-1], [1]], 0)), 1)
        step = tf.maximum(_FACTORS_IN_BLOCK // (longest * self.factors), 1)
        everywhere = tf.matmul(items, items, transpose_a=True)
        everywhere += self.regularization * tf.eye(self.factors)

        def solve(begin: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            taken = histories[begin : begin + step]
            own = taken.with_values(tf.gather(items, taken.values)).to_tensor()
            own = tf.ensure_shape(own, [None, None, self.factors])
            weighted = (self.alpha - 1.0) * tf.matmul(own, own, transpose_a=True)
            right = self.alpha * tf.reduce_sum(own, axis=1)
            solved = tf.linalg.solve(everywhere + weighted, right[:, :, tf.newaxis])[:, :, 0]
            return begin + step, tf.concat([found, solved], axis=0)

        _, found = tf.while_loop(
            lambda begin, _: begin < asked.count,
            solve,
            (tf.constant(0), tf.zeros([0, self.factors])),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, self.factors])),
            parallel_iterations=1,
        )
        return found


def _import_solver() -> tuple[Callable[..., npt.NDArray[np.float32]], Callable[..., Any]]:
    """Returns what solves for the items' factors, and the class of its matrices."""
    try:
        from implicit.cpu.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError(
            f'iALS needs the package {error.name!r}: `pip install "tfrs-ext[ials]"`.'
        ) from error

    def fit(taken: object, settings: Config) -> npt.NDArray[np.float32]:
        # The library has threads of its own, which those of its products would stand in the way.
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(**settings)
            model.fit(taken, show_progress=False)
        return np.asarray(model.item_factors, np.float32)

    return fit, csr_matrix

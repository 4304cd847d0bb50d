"""What came next: a Markov chain over histories."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.decay import check_decay, decayed
from tfrs_ext.baselines.sparse_rows import SparseRows
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog
from tfrs_ext.typing import Config, HyperParameters, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class SuccessorBaseline(Baseline):
    """Ranks candidates by how often they came right after the history's latest entries.

    `score(query, c) = Σ_{s < latest} decay^s P(c | h_s)`, where h_0 is the last entry of the
    history, h_1 the one before, and `P(c | h)` the share of c in all that came right after h. With
    `latest=1` these are counts of the last item's successors, a first-order Markov chain.
    Candidates that never came after follow by popularity, with scores in [-1, 0).

    Args:
        num_candidates: The number of candidates, C.
        latest: The number of entries, from the end of the history, that are asked.
        decay: The weight of an entry, relative to the one after it, in (0, 1].

    Call arguments:
        histories: Positions of candidates, oldest first: a `tf.RaggedTensor` `[B, (L)]`, or
            `[B, L]` integers with negative numbers as padding.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: `latest` is below 1, or `decay` not in (0, 1].

    Relations:
        `ItemToItemBaseline` asks what goes together, in whatever order.

    Example:
        >>> baseline = SuccessorBaseline(4).fit(tf.ragged.constant([[0, 1, 2], [0, 1], [0, 3]]))
        >>> [round(score, 3) for score in baseline(tf.constant([[2, 0]])).numpy()[0].tolist()]
        [-0.25, 0.667, -0.75, 0.333]

    References:
        Rendle, Freudenthaler and Schmidt-Thieme: Factorizing Personalized Markov Chains for
        Next-Basket Recommendation, WWW 2010 (the chain that it factorises).
    """

    relates_items = True

    def __init__(
        self, num_candidates: int, latest: int = 1, decay: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(num_candidates, **kwargs)
        if latest < 1:
            raise ValueError(f"`latest` must be at least 1, received latest={latest}.")
        self.latest, self.decay = latest, check_decay(decay)
        self._successors = SparseRows(name="successors")

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns how many entries are asked, and a decay.

        Args:
            hp: The hyper-parameters.
        """
        return {
            "latest": hp.Choice("latest", [1, 2, 3, 5, 10], default=1),
            "decay": hp.Choice("decay", [0.2, 0.35, 0.5, 0.7, 0.9], default=0.5),
        }

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "latest": self.latest, "decay": self.decay}

    def _learn(self, log: TrainingLog) -> None:
        size, owners = self.num_candidates, log.taken.owners.numpy()
        positions = log.taken.positions.numpy().astype(np.int64)
        follows = owners[1:] == owners[:-1]
        cells = np.sort((positions[:-1] * size + positions[1:])[follows])
        cells, counts = np.unique(cells, return_counts=True)
        rows, columns = np.divmod(cells, size)
        totals = np.bincount(rows, counts, minlength=size)
        self._successors.assign(rows, columns, counts / totals[rows], size)

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        ages = queries.ages()
        is_late = ages < self.latest
        weights = decayed(tf.boolean_mask(ages, is_late), self.decay)
        scores = self._successors.add_up(queries.keep(is_late), weights, self.num_candidates)
        return self._popular_where_unknown(scores)

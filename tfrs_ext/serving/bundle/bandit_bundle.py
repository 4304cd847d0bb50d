"""The module behind the bundle of a bandit: its scores, its settings and its signature."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrs_ext.bandits import RecoveringDifferenceSoftmax
from tfrs_ext.ops.positions import gather_or_pad
from tfrs_ext.ops.row_lookup import RowLookup
from tfrs_ext.serving.bundle.signatures import EXAMPLES, Input, Signature, SignatureModule

Tensors = dict[str, tf.Tensor]


class BanditBundle(SignatureModule):
    """Answers requests for a choice among eligible arms.

    Args:
        bandit: The fitted bandit.
    """

    def __init__(self, bandit: RecoveringDifferenceSoftmax) -> None:
        super().__init__("bandit", [])
        self._lookup = RowLookup(tf.constant(bandit.arms), "arms", "arms")
        with tf.device("CPU"):
            self._arms = tf.Variable(tf.constant(bandit.arms), trainable=False)
            self._scores = tf.Variable(bandit.scores, trainable=False)
            self._settings = {
                name: tf.Variable(tf.constant(value, tf.float64), trainable=False)
                for name, value in bandit.settings().items()
                if name != "shrinkage"
            }
        self._trace()

    def _signatures(self) -> Sequence[Signature]:
        inputs = self._inputs()
        return [
            Signature("serving_default", self._choose, inputs),
            Signature("choose", self._choose, inputs),
        ]

    def _inputs(self) -> list[Input]:
        eligible = np.tile(self._arms.numpy(), (EXAMPLES, 1))
        days = np.full(eligible.shape, -1, np.float32)
        draws = (np.arange(EXAMPLES, dtype=np.float32) + 0.5) / EXAMPLES
        return [
            Input(tf.TensorSpec([None, None], tf.string, name="eligible"), eligible),
            Input(tf.TensorSpec([None, None], tf.float32, name="days_since"), days),
            Input(tf.TensorSpec([None], tf.float32, name="draw"), draws),
        ]

    def _choose(self, eligible: tf.Tensor, days_since: tf.Tensor, draw: tf.Tensor) -> Tensors:
        # One more place, which is padding, so that a row of padding has one to choose.
        positions = tf.pad(self._lookup(eligible), [[0, 0], [0, 1]], constant_values=-1)
        # In float64: a temperature may be far below what float32 tells apart in scores.
        days = tf.pad(tf.cast(days_since, tf.float64), [[0, 0], [0, 1]])
        probabilities = tf.cast(self._probabilities(positions, days), tf.float32)
        place = _draw(probabilities, draw)
        chosen = tf.gather(positions, place, batch_dims=1)
        return {
            "arm": tf.squeeze(gather_or_pad(self._arms, chosen), 1),
            "propensity": tf.squeeze(tf.gather(probabilities, place, batch_dims=1), 1),
            "probabilities": probabilities[:, :-1],
        }

    def _probabilities(self, positions: tf.Tensor, days: tf.Tensor) -> tf.Tensor:
        """Returns the softmax over known arms `[B, M]`; all 0 where a row has none."""
        known = positions >= 0
        recovered = tf.pow(
            tf.constant(0.5, tf.float64), tf.maximum(days, 0.0) / self._settings["half_life"]
        )
        # Days below 0, and NaN, say that the user has never seen the arm.
        penalty = tf.where(days >= 0, self._settings["gamma"] * recovered, 0.0)
        scores = tf.gather(self._scores, tf.maximum(positions, 0)) - penalty
        logits = tf.where(known, scores / self._settings["temperature"], -np.inf)
        best = tf.reduce_max(logits, axis=1, keepdims=True)
        powers = tf.where(known, tf.exp(logits - best), 0.0)
        return tf.math.divide_no_nan(powers, tf.reduce_sum(powers, axis=1, keepdims=True))


def _draw(probabilities: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Returns the place `[B, 1]` at which the sum of probabilities first exceeds the draw."""
    sums = tf.cumsum(probabilities, axis=1)
    total = sums[:, -1:]
    # Below the last sum, so that rounding never leads behind the last entry that has a chance.
    below = tf.math.nextafter(total, tf.zeros_like(total))
    wanted = tf.minimum(tf.clip_by_value(draw, 0.0, 1.0)[:, None] * total, below)
    before = tf.reduce_sum(tf.cast(sums <= wanted, tf.int32), axis=1, keepdims=True)
    return tf.minimum(before, tf.shape(probabilities)[1] - 1)

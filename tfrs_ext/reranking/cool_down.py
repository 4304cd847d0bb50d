"""The rule that lets items rest after they were shown."""

import tensorflow as tf

from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.reranking.rule import Asked, RequestInput, Rule, scale


class CoolDown(Rule):
    """Lowers the scores of items that the user was shown lately, and sorts anew.

    Each time that an item was shown multiplies its score by `1 - loss * 0.5^(days / half_life)`
    (or divides, where the score is negative). Items that were shown within `rest_days` are left
    out. Requests carry `shown`, item ids `[B, E]`, and `days_since` `[B, E]` float32, the days
    since then.

    Args:
        loss: The share of its score that an item loses at once, from 0 up to but not including 1.
        half_life: The days after which half of the loss is over, > 0.
        rest_days: The days for which an item isn't shown again; 0 for none.

    Relations:
        `bandits.RecoveringDifferenceSoftmax` learns loss and half-life from a log.

    Example:
        >>> ranked = Ranked(*map(tf.constant, ([[0.4, 0.3]], [[0, 1]], [[1, 1]])))
        >>> request = {"shown": tf.constant([[0]]), "days_since": tf.constant([[7.0]])}
        >>> CoolDown(0.8, half_life=7.0)(ranked, request, 2).positions.numpy().tolist()
        [[1, 0]]
    """

    inputs = (RequestInput("shown", "items"), RequestInput("days_since", "numbers"))

    def __init__(self, loss: float = 0.5, half_life: float = 7.0, rest_days: float = 0.0) -> None:
        super().__init__(name="cool_down")
        if not 0 <= loss < 1:
            raise ValueError(
                f"`loss` must be from 0 up to but not including 1, received loss={loss}."
            )
        if not half_life > 0 or not rest_days >= 0:
            raise ValueError(
                "`half_life` must be greater than 0 and `rest_days` at least 0, received "
                f"half_life={half_life} and rest_days={rest_days}."
            )
        self.loss, self.half_life, self.rest_days = loss, half_life, rest_days

    def __call__(self, ranked: Ranked, request: Asked, k: tf.Tensor) -> Ranked:
        """Returns the lists with what was shown lately further down, or left out."""
        shown, days = request["shown"], tf.maximum(request["days_since"], 0.0)
        is_shown = (ranked.positions[:, :, None] == shown[:, None]) & (shown >= 0)[:, None]
        days = tf.broadcast_to(days[:, None], tf.shape(is_shown))
        kept = tf.math.log1p(-self.loss * tf.pow(0.5, days / self.half_life))
        factors = tf.exp(tf.reduce_sum(tf.where(is_shown, kept, 0.0), axis=2))
        rests = tf.reduce_any(is_shown & (days < self.rest_days), axis=2)
        lowered = ranked._replace(scores=scale(ranked.scores, factors)).drop(rests)
        return lowered.with_scores(lowered.scores)

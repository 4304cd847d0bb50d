"""AUC within users, averaged over users."""

import tensorflow as tf

from tfrs_ext._keras import keras, mark_errors
from tfrs_ext.metrics.predictions import flat_predictions
from tfrs_ext.ops.hashing import fingerprint
from tfrs_ext.ops.replicas import gather_rows
from tfrs_ext.typing import Config, DType, TensorLike

_AVERAGES = ("impressions", "clicks", "users")
_LARGEST_LOGIT = 10.0


@keras.saving.register_keras_serializable(package="tfrs_ext")
class GAUC(keras.metrics.Metric):
    """Group AUC: whether each user's positives stand above the same user's negatives.

    `sum_u w_u AUC_u / sum_u w_u`, where `w_u` is a user's total weight of rows ("impressions"),
    of positive rows ("clicks"), or 1 ("users"). Ties count one half. A user whose rows are of one
    class has no AUC: they are left out, and `single_class_users` counts them.

    Memory is bounded: `num_users * num_thresholds * 2` floats, however many rows there are. For
    each user there are two histograms of the predictions over equal steps of the logit in
    [-10, 10]. Predictions of a user in the same bin count as ties, so a result is off by at most
    half the share of pairs that fall into one bin, and is exact where none does. The first
    `num_users` users are kept; `dropped_rows` counts the rows of others.

    On several replicas each gathers the rows of all, whose users may have rows anywhere, and all
    keep the same histograms: the result is that of one device, at the price of moving four
    numbers a row. Update it once a step and outside of conditions, as replicas must meet there.

    Args:
        num_users: How many users are kept at most.
        num_thresholds: The number of bins of a histogram. With 500, 10,000 users take 40 MB.
        average: How users are weighted: "impressions" (the paper's), "clicks" or "users".
        from_logits: Whether predictions are logits instead of probabilities.
        name: The metric's name in logs.
        dtype: The dtype of the result; None is Keras's default.

    Call arguments (`update_state`):
        y_true: Labels in [0, 1], `[B]` or `[B, 1]`.
        y_pred: Predictions of the same size.
        user_ids: Integers or strings of the same size: whose row it is.
        sample_weight: The weights of the rows, of the same size; None is 1.

    Returns:
        A scalar; 0 before there is any user with both classes.

    Raises:
        ValueError: An argument is out of range, or `user_ids` are missing.
        InvalidArgumentError: A label or a probability lies outside [0, 1].

    Example:
        >>> metric = GAUC(num_users=10)
        >>> metric.update_state([1, 0, 1, 0], [0.9, 0.8, 0.1, 0.2], ["ann", "ann", "bob", "bob"])
        >>> float(metric.result())
        0.5

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
        H. Zhu et al., 2017. Optimized Cost per Click in Taobao Display Advertising.
        arXiv:1703.02091.
    """

    def __init__(
        self,
        num_users: int = 10_000,
        num_thresholds: int = 500,
        average: str = "impressions",
        from_logits: bool = False,
        name: str = "gauc",
        dtype: DType | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if num_users < 1 or num_thresholds < 2:
            raise ValueError(
                "`num_users` must be at least 1 and `num_thresholds` at least 2, "
                f"received {num_users=}, {num_thresholds=}."
            )
        if average not in _AVERAGES:
            raise ValueError(f"`average` must be one of {_AVERAGES}, received {average=}.")
        self.num_users = num_users
        self.num_thresholds = num_thresholds
        self.average = average
        self.from_logits = from_logits
        bins = (num_users * num_thresholds,)
        self.positives = self._add_state("positives", bins, "float32")
        self.negatives = self._add_state("negatives", bins, "float32")
        self.users = self._add_state("users", (num_users,), "int64")
        self.known = self._add_state("known", (), "int64")
        self.dropped = self._add_state("dropped", (), "int64")

    def _add_state(self, name: str, shape: tuple[int, ...], dtype: str) -> tf.Variable:
        # Replicas hold the same state, so that one of them tells it.
        return self.add_weight(
            name,
            shape,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            synchronization=tf.VariableSynchronization.ON_WRITE,
            initializer="zeros",
            dtype=dtype,
        )

    @mark_errors
    def update_state(
        self,
        y_true: TensorLike,
        y_pred: TensorLike,
        user_ids: TensorLike | None = None,
        sample_weight: TensorLike | None = None,
    ) -> None:
        """Adds rows to the histograms of their users."""
        if user_ids is None:
            raise ValueError(
                "`user_ids` must say whose row each one is, received none: Keras doesn't hand them "
                "to the metrics of `compile`. In `fit`, leave `GAUC` out of `compile` and use "
                "`callbacks.UserAUC(validation_data, user_id)`."
            )
        labels, scores, weights = flat_predictions(
            y_true, y_pred, sample_weight, from_logits=self.from_logits
        )
        rows = (labels, scores, weights, fingerprint(tf.reshape(user_ids, [-1])))
        labels, scores, weights, ids = (gather_rows(part) for part in rows)
        slots = self._slots(ids)
        kept = slots < self.num_users
        bins = tf.boolean_mask(slots * self.num_thresholds + self._bins(scores), kept)
        for state, share in ((self.positives, labels), (self.negatives, 1 - labels)):
            values = tf.boolean_mask(weights * share, kept)
            state.scatter_add(tf.IndexedSlices(values, bins))
        self.dropped.assign_add(tf.math.count_nonzero(~kept))

    def _slots(self, user_ids: tf.Tensor) -> tf.Tensor:
        """Returns each row's place among the users, `num_users` or more where there is none."""
        # `tf.unique` keeps the order, so those who are known keep their places.
        users, places = tf.unique(tf.concat([self.users[: self.known], user_ids], 0), tf.int64)
        slots = places[self.known :]
        users = users[: self.num_users]
        count = tf.size(users, tf.int64)
        self.users.assign(tf.pad(users, [[0, self.num_users - count]]))
        self.known.assign(count)
        return slots

    def _bins(self, scores: tf.Tensor) -> tf.Tensor:
        # In [0, 1], log(0) gives an infinity, which the clip takes in.
        logits = scores if self.from_logits else tf.math.log(scores) - tf.math.log1p(-scores)
        unit = (tf.clip_by_value(logits / _LARGEST_LOGIT, -1.0, 1.0) + 1) / 2
        bins = tf.cast(unit * self.num_thresholds, tf.int64)
        return tf.minimum(bins, self.num_thresholds - 1)

    def _totals(self) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        shape = [self.num_users, self.num_thresholds]
        positives, negatives = (tf.reshape(s, shape) for s in (self.positives, self.negatives))
        return positives, negatives, tf.reduce_sum(positives, 1), tf.reduce_sum(negatives, 1)

    def result(self) -> tf.Tensor:
        """Returns the average AUC."""
        positives, negatives, clicks, others = self._totals()
        below = tf.cumsum(negatives, axis=1, exclusive=True)
        won = tf.reduce_sum(positives * (below + negatives / 2), 1)
        pairs = clicks * others
        weights = {"impressions": clicks + others, "clicks": clicks}.get(
            self.average, tf.ones_like(clicks)
        )
        weights = tf.where(pairs > 0, weights, 0)
        total = tf.reduce_sum(weights * tf.math.divide_no_nan(won, pairs))
        return tf.cast(tf.math.divide_no_nan(total, tf.reduce_sum(weights)), self.dtype)

    def single_class_users(self) -> tf.Tensor:
        """Returns how many users are left out since all their rows are of one class."""
        _, _, clicks, others = self._totals()
        return tf.math.count_nonzero((clicks + others > 0) & (clicks * others == 0))

    def dropped_rows(self) -> tf.Tensor:
        """Returns how many rows belonged to users beyond the first `num_users`."""
        return tf.identity(self.dropped)

    def reset_state(self) -> None:
        """Forgets all rows."""
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))

    def get_config(self) -> Config:
        """Returns the arguments, JSON-able."""
        return {
            **super().get_config(),
            "num_users": self.num_users,
            "num_thresholds": self.num_thresholds,
            "average": self.average,
            "from_logits": self.from_logits,
        }

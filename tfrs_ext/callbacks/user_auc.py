"""GAUC after epochs of `fit`: it needs users' ids, which Keras doesn't hand to its metrics."""

import copy
from collections.abc import Mapping
from typing import Any, Union

import tensorflow as tf

from tfrs_ext.callbacks.epoch_evaluation import EpochEvaluation, Logs
from tfrs_ext.metrics import GAUC
from tfrs_ext.typing import Columns, TensorLike

ValidationData = Union[
    tf.data.Dataset, tuple[Columns, TensorLike], tuple[Columns, TensorLike, TensorLike]
]


class UserAUC(EpochEvaluation):
    """Puts the AUC within users, averaged over users, as `val_gauc` into the logs of epochs.

    `GAUC = sum_u w_u AUC_u / sum_u w_u`: whether each user's positives stand above the same user's
    negatives. Keras's metrics see labels and predictions alone, so `compile(metrics=[GAUC()])`
    can't work: this callback reads the users from a column of the validation data. The logs reach
    `History`, the progress bar, TensorBoard, keras-tuner, and every callback that comes **after**
    this one in the list: put it before `EarlyStopping` and `ModelCheckpoint`. Among the callbacks
    of `model.evaluate` it evaluates once, at the end.

    Args:
        validation_data: What `fit` takes under this name: a `tf.data.Dataset` of batches of
            `(columns, labels)` or `(columns, labels, sample_weight)`, or such a tuple of arrays;
            `columns` is a dict. Labels lie in [0, 1].
        user_id: The name of the column with the users' ids, integers or strings. The model gets
            it with the others.
        metric: The metric, which says how users are weighted, how many are kept and whether
            predictions are logits; None is `metrics.GAUC()`.
        every: How many epochs lie between evaluations. The first and the last epoch are evaluated;
            in between the last values are repeated, so that later callbacks find their metric.
        batch_size: How many rows are predicted at a time where arrays are given.
        prefix: What the name in the logs begins with.

    Attributes:
        metric: The metric as the latest evaluation left it: `metric.single_class_users()` and
            `metric.dropped_rows()` say what it left out.

    Raises:
        ValueError: The data aren't of these forms, or have no such column, `metric` isn't a
            `GAUC`, or the model answers with more than one prediction a row.

    Relations:
        `metrics.GAUC` where you write the loop yourself; `keras.metrics.AUC` in `compile` compares
        rows of different users, too. `callbacks.RetrievalEvaluation` is for retrieval.

    Example:
        >>> columns = {"user": np.array([1, 1, 2, 2]), "age": np.array([3.0, 1.0, 2.0, 4.0])}
        >>> labels = np.array([1.0, 0.0, 0.0, 1.0])
        >>> user = keras.Input([], dtype="int64", name="user")
        >>> age = keras.Input([], name="age")
        >>> model = keras.Model({"user": user, "age": age}, age / 10)
        >>> model.compile("sgd", "mse")
        >>> watch = tfrs_ext.callbacks.UserAUC((columns, labels), user_id="user")
        >>> model.fit(columns, labels, callbacks=[watch], verbose=0).history["val_gauc"]
        [1.0]

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
    """

    def __init__(
        self,
        validation_data: ValidationData,
        user_id: str,
        metric: GAUC | None = None,
        *,
        every: int = 1,
        batch_size: int = 4096,
        prefix: str = "val_",
    ) -> None:
        super().__init__(every, prefix)
        if not isinstance(validation_data, tf.data.Dataset):
            slices = tf.data.Dataset.from_tensor_slices(validation_data)
            validation_data = slices.batch(batch_size)
        _check_columns(validation_data.element_spec, user_id)
        metric = GAUC() if metric is None else metric
        if not isinstance(metric, GAUC):
            raise ValueError(f"`metric` must be a `metrics.GAUC`, received {metric!r}.")
        self._batches, self._user_id, self.metric = validation_data, user_id, metric
        self._update: Any = None

    def set_model(self, model: Any) -> None:
        """Traces the evaluation of this model anew."""
        super().set_model(model)
        self._update = tf.function(self._update_eagerly, reduce_retracing=True)

    def measure(self) -> Logs:
        """Returns the metric of the model as it is now."""
        self.metric.reset_state()
        for batch in self._batches:
            self._update(*batch)
        return {self.metric.name: float(self.metric.result())}

    def _update_eagerly(
        self, columns: Columns, labels: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> None:
        predictions = self.model(columns, training=False)
        if not isinstance(predictions, tf.Tensor):
            raise ValueError(
                "The model must answer with one prediction a row, `[B]` or `[B, 1]`, received "
                f"{type(predictions).__name__}: `metrics.GAUC` can be updated in a loop of yours."
            )
        self.metric.update_state(labels, predictions, columns[self._user_id], sample_weight)

    def __deepcopy__(self, memo: dict[int, Any]) -> "UserAUC":
        """Returns a callback of its own on the same data: keras-tuner copies one for each trial."""
        twin = copy.copy(self)
        twin.metric = GAUC.from_config(self.metric.get_config())
        return twin


def _check_columns(spec: Any, user_id: str) -> None:
    if not isinstance(spec, tuple) or len(spec) not in (2, 3) or not isinstance(spec[0], Mapping):
        raise ValueError(
            "`validation_data` must be of (columns, labels) or (columns, labels, sample_weight), "
            f"where columns is a dict, received {spec}."
        )
    if user_id not in spec[0]:
        raise ValueError(
            f"`user_id` must name one of the columns {', '.join(sorted(spec[0]))}, received "
            f"user_id={user_id!r}."
        )

"""Dice, the activation of the Deep Interest Network."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Initializer, Mask, Regularizer, Shape
from tfrs_ext.ops.moments import masked_moments
from tfrs_ext.typing import Config, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Dice(keras.layers.Layer):
    """A PReLU whose kink lies smoothly at the mean of the data instead of at zero.

    `p(s) s + (1 - p(s)) alpha s` with `p(s) = sigmoid((s - E[s]) / sqrt(Var[s] + epsilon))`,
    per channel: over the batch (and time) in training, moving averages at inference.

    Statistics are those of the steps that the mask keeps, in float32 or better whatever the inputs
    are, and the gradient flows through them as in batch normalization.

    Args:
        axis: The channels; all other axes are averaged over.
        epsilon: Added to the variance; the paper's value by default.
        momentum: The share of a moving average that is kept at a step of training.
        alpha_initializer: The initializer of `alpha`, one learned number a channel.
        alpha_regularizer: The regularizer of `alpha`.
        synchronized: Whether the statistics in training are those of all replicas of a
            `tf.distribute` strategy together, as in `BatchNormalization(synchronized=True)`.

    Call arguments:
        inputs: Floating point, rank 2 or more, `[B, ..., C]` where `axis` is -1.
        training: Whether the batch's statistics are used, and the moving averages updated.
        mask: Boolean, of the leading dimensions of `inputs` (or 1 in their place), False where
            padded.

    Returns:
        A tensor like `inputs`. Masked steps are transformed too, but count in no statistic.

    Raises:
        ValueError: `epsilon` or `momentum` is out of range, or the mask does not fit.

    Relations:
        `keras.layers.PReLU` has its kink at zero and needs no statistics.

    Example:
        >>> Dice()(tf.constant([[1.0, -2.0]])).numpy().round(4)
        array([[ 0.7311, -0.2384]], dtype=float32)

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-8,
        momentum: float = 0.99,
        alpha_initializer: Initializer = "zeros",
        alpha_regularizer: Regularizer = None,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if epsilon <= 0:
            raise ValueError(f"`epsilon` must be positive, received {epsilon=}.")
        if not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be in [0, 1], received {momentum=}.")
        self.axis = axis
        self.epsilon = epsilon
        self.momentum = momentum
        self.alpha_initializer = keras.initializers.get(alpha_initializer)
        self.alpha_regularizer = keras.regularizers.get(alpha_regularizer)
        self.synchronized = synchronized
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Creates `alpha` and the moving averages."""
        shape = [1] * len(input_shape)
        shape[self.axis] = input_shape[self.axis]
        self.alpha = self.add_weight(
            name="alpha",
            shape=shape,
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
        )
        self.moving_mean = self._add_average("moving_mean", shape, "zeros")
        self.moving_variance = self._add_average("moving_variance", shape, "ones")
        super().build(input_shape)

    def _add_average(self, name: str, shape: list[int], initializer: str) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            # In float32 small steps are rounded away before the average has come to the mean.
            dtype="float64",
            initializer=initializer,
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.MEAN,
            experimental_autocast=False,
        )

    @property
    def _statistics_dtype(self) -> str:
        return "float64" if self.compute_dtype == "float64" else "float32"

    def call(self, inputs: tf.Tensor, training: Training = None, mask: Mask = None) -> tf.Tensor:
        """Returns a tensor like `inputs`."""
        values = tf.cast(inputs, self._statistics_dtype)
        kept = None if mask is None else self._expand(tf.cast(mask, tf.bool), inputs)
        mean, variance = keras.backend.in_train_phase(
            lambda: self._batch_statistics(values, kept),
            lambda: self._moving_statistics(values.dtype),
            training=self._phase(training),
        )
        p = tf.sigmoid((values - mean) * tf.math.rsqrt(variance + self.epsilon))
        p = tf.cast(p, inputs.dtype)
        return inputs * (p * (1 - self.alpha) + self.alpha)

    def _moving_statistics(self, dtype: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(self.moving_mean, dtype), tf.cast(self.moving_variance, dtype)

    def _phase(self, training: Training) -> bool | tf.Tensor:
        # A frozen layer keeps to its averages, as batch normalization does.
        if not self.trainable:
            return False
        return training if tf.is_tensor(training) else bool(training)

    def _batch_statistics(
        self, values: tf.Tensor, mask: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        mean, variance, count = masked_moments(
            self._rows(values),
            None if mask is None else self._rows(self._stretch(mask, values))[:, 0],
            self.synchronized,
        )
        mean, variance = (tf.reshape(t, self.moving_mean.shape) for t in (mean, variance))
        # A batch without any step moves no average.
        step = tf.where(count > 0, tf.constant(1 - self.momentum, tf.float64), 0)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign_sub((average - tf.cast(value, tf.float64)) * step)
        return mean, variance

    def _rows(self, values: tf.Tensor) -> tf.Tensor:
        """Returns `[N, C]`, or `[N, 1]` where there are no channels."""
        last = values.shape.rank - 1
        channels = self.axis % (last + 1)
        if channels != last:
            averaged = [axis for axis in range(last + 1) if axis != channels]
            values = tf.transpose(values, [*averaged, channels])
        return tf.reshape(values, [-1, values.shape[-1]])

    def _stretch(self, mask: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        shape = tf.unstack(tf.shape(values))
        shape[self.axis] = 1
        static = values.shape.as_list()
        static[self.axis] = 1
        return tf.ensure_shape(tf.broadcast_to(mask, shape), static)

    def _expand(self, mask: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        covered = mask.shape.rank
        if covered > self.axis % inputs.shape.rank:
            raise ValueError(
                "`mask` must end before the channels, received a mask of shape "
                f"{mask.shape} with inputs of shape {inputs.shape} and axis={self.axis}."
            )
        if any(m not in (1, None, d) for m, d in zip(mask.shape, inputs.shape, strict=False)):
            raise ValueError(
                "`mask` must have the leading dimensions of `inputs`, received a mask of shape "
                f"{mask.shape} with inputs of shape {inputs.shape}."
            )
        for _ in range(inputs.shape.rank - covered):
            mask = tf.expand_dims(mask, -1)
        return mask

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "momentum": self.momentum,
            "alpha_initializer": keras.initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": keras.regularizers.serialize(self.alpha_regularizer),
            "synchronized": self.synchronized,
        }

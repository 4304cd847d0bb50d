"""Numbers as their quantiles, with powers of them."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class QuantilePowers(keras.layers.Layer):
    """Gives a number's place among the training rows, with its square and its root.

    `[u, u^2, sqrt(u)]`, where `u` in [0, 1] is the share of training rows below `x`, interpolated
    between quantiles. A network then sees even inputs, whatever the distribution, and can learn
    functions that rise faster or slower than the quantile. Where several quantiles equal `x`, `u`
    is the middle of their levels; numbers beyond the range count as its ends.

    Args:
        quantiles: Two or more, ascending, at even levels from the least to the greatest value:
            `np.quantile(column, np.linspace(0, 1, 101))`. `data.fit_features` keeps them in
            `features.Numeric`.

    Call arguments:
        inputs: `[...]` numbers.

    Returns:
        `[..., 3]` in the layer's compute dtype.

    Raises:
        ValueError: `quantiles` are too few, or not ascending.

    Relations:
        `keras.layers.Normalization` and `FeatureEncoder` standardise instead.

    Example:
        >>> QuantilePowers([0.0, 1.0, 100.0])(tf.constant([1.0, 50.5])).numpy().round(4)
        array([[0.5   , 0.25  , 0.7071],
               [0.75  , 0.5625, 0.866 ]], dtype=float32)

    References:
        P. Covington, J. Adams, E. Sargin, 2016. Deep Neural Networks for YouTube Recommendations.
        RecSys 2016.
    """

    def __init__(self, quantiles: Sequence[float], **kwargs: Any) -> None:
        # Numbers beyond float16's range are inputs like others: Keras must not cast them.
        super().__init__(autocast=False, **kwargs)
        self.quantiles = tuple(float(value) for value in quantiles)
        pairs = zip(self.quantiles, self.quantiles[1:], strict=False)
        if len(self.quantiles) < 2 or not all(low <= high for low, high in pairs):
            raise ValueError(
                f"`quantiles` must be two or more ascending numbers, received {self.quantiles}."
            )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[..., 3]`."""
        quantiles = tf.constant(self.quantiles)
        x = tf.clip_by_value(tf.cast(inputs, tf.float32), quantiles[0], quantiles[-1])
        flat = tf.reshape(x, [-1])
        below = tf.searchsorted(quantiles, flat, side="left")
        up_to = tf.searchsorted(quantiles, flat, side="right")
        low, high = (tf.gather(quantiles, i) for i in (tf.maximum(below - 1, 0), below))
        between = tf.cast(below - 1, tf.float32) + tf.math.divide_no_nan(flat - low, high - low)
        middle = tf.cast(below + up_to - 1, tf.float32) / 2
        level = tf.where(up_to > below, middle, between) / (len(self.quantiles) - 1)
        level = tf.reshape(level, tf.shape(x))
        powers = tf.stack([level, level**2, tf.sqrt(level)], axis=-1)
        return tf.cast(powers, self.compute_dtype)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        config = {**super().get_config(), "quantiles": self.quantiles}
        config.pop("autocast", None)
        return config

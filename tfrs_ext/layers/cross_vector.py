"""One cross layer of DCN v1, with a vector."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Initializer, Regularizer, Shape
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CrossVector(keras.layers.Layer):
    """Crosses features explicitly with `2 D` parameters, as the first Deep & Cross Network.

    `x0 * (x . w) + b + x`: every feature of `x0` is scaled by one number a row, so without a bias
    the output of any stack is a multiple of `x0`.

    Args:
        use_bias: Whether there is a bias `b`.
        kernel_initializer: Initializer of `w`.
        bias_initializer: Initializer of `b`.
        kernel_regularizer: Regularizer of `w`.
        bias_regularizer: Regularizer of `b`.

    Call arguments:
        x0: `[..., D]` floating point, the features.
        x: `[..., D]`, the output of the cross layer before this one; `x0` when omitted.

    Returns:
        `[..., D]`, in the layer's compute dtype.

    Relations:
        `Cross` has a weight for every pair of features and is the better model where `D` by `D`
        parameters can be afforded; `CrossNetwork(parameterization="vector")` stacks this layer.

    Example:
        >>> x0 = tf.constant([[0.1, 0.2, 0.3]])
        >>> CrossVector(kernel_initializer="ones")(x0).numpy().round(2)
        array([[0.16, 0.32, 0.48]], dtype=float32)

    References:
        R. Wang et al., 2017. Deep & Cross Network for Ad Click Predictions. arXiv:1708.05123.
    """

    def __init__(
        self,
        use_bias: bool = True,
        kernel_initializer: Initializer = "truncated_normal",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Creates the weights."""
        width = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(width, 1),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(width,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )
        super().build(input_shape)

    def call(self, x0: tf.Tensor, x: tf.Tensor | None = None) -> tf.Tensor:
        """Returns `[..., D]`."""
        x = x0 if x is None else tf.cast(x, self.compute_dtype)
        outputs = x0 * tf.tensordot(x, self.kernel, 1) + x
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }

"""A stack of cross layers."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Initializer, Regularizer, Shape, copy_initializer
from tfrs_ext.layers.cross import Cross
from tfrs_ext.layers.cross_mixture import CrossMixture
from tfrs_ext.layers.cross_vector import CrossVector
from tfrs_ext.typing import Activation, Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CrossNetwork(keras.layers.Layer):
    """Crosses features up to the order `num_layers + 1`.

    `x_{l+1} = cross_l(x_0, x_l)`. Which cross layer is told by three arguments:

    | layer | arguments |
    |---|---|
    | `CrossVector` (DCN) | `parameterization="vector"` |
    | `Cross`, full matrix (DCN-V2) | the defaults |
    | `Cross`, low rank | `projection_dim` |
    | `CrossMixture` (DCN-Mix) | `projection_dim` and `num_experts` |

    Feed the output to a deep tower (stacked) or concatenate it with one's output (parallel).

    Args:
        num_layers: Number of cross layers.
        parameterization: "matrix" or "vector".
        projection_dim: Rank of the matrices, or width of the experts' subspaces.
        num_experts: Number of experts, or None for layers without experts.
        gate: How the experts are mixed: "softmax", "sigmoid" or "constant"; see `CrossMixture`.
        inner_activation: The experts' activation in their subspace, or None; see `CrossMixture`.
        diag_scale: The number that is added to the diagonal of each matrix; see `Cross`.
        use_bias: Whether the layers have a bias.
        preactivation: The activation before the product with `x0`; see `Cross`.
        kernel_initializer: Initializer of the layers' kernels.
        bias_initializer: Initializer of the layers' biases.
        kernel_regularizer: Regularizer of the layers' kernels.
        bias_regularizer: Regularizer of the layers' biases.

    Call arguments:
        inputs: `[..., D]` floating point, the features.

    Returns:
        `[..., D]`, in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or contradicts another one.

    Example:
        >>> x0 = tf.constant([[0.1, 0.2, 0.3]])
        >>> network = CrossNetwork(2, kernel_initializer="ones")
        >>> network(x0).numpy().round(3)
        array([[0.256, 0.512, 0.768]], dtype=float32)

    References:
        R. Wang et al., 2017. Deep & Cross Network for Ad Click Predictions. arXiv:1708.05123.
        R. Wang et al., 2021. DCN V2: Improved Deep & Cross Network. arXiv:2008.13535.
    """

    def __init__(
        self,
        num_layers: int = 2,
        parameterization: str = "matrix",
        projection_dim: int | None = None,
        num_experts: int | None = None,
        gate: str = "softmax",
        inner_activation: Activation = "tanh",
        diag_scale: float = 0.0,
        use_bias: bool = True,
        preactivation: Activation = None,
        kernel_initializer: Initializer = "truncated_normal",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.parameterization = parameterization
        self.projection_dim = projection_dim
        self.num_experts = num_experts
        self.gate = gate
        self.inner_activation = inner_activation and keras.activations.get(inner_activation)
        self.diag_scale = diag_scale
        self.use_bias = use_bias
        self.preactivation = keras.activations.get(preactivation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.supports_masking = True
        self._check()
        self.crosses = [self._make_cross(index) for index in range(num_layers)]

    def _check(self) -> None:
        if self.num_layers < 1:
            raise ValueError(f"`num_layers` must be at least 1, received {self.num_layers}.")
        if self.parameterization not in ("matrix", "vector"):
            raise ValueError(
                '`parameterization` must be "matrix" or "vector", '
                f"received parameterization={self.parameterization!r}."
            )
        if self.num_experts is not None and self.projection_dim is None:
            raise ValueError(
                "`projection_dim` must be set where there are experts, "
                f"received num_experts={self.num_experts} and projection_dim=None."
            )
        if self.parameterization == "vector" and (self.projection_dim or self.num_experts):
            raise ValueError(
                "`projection_dim` and `num_experts` must be None for the vector "
                f"parameterization, received projection_dim={self.projection_dim}, "
                f"num_experts={self.num_experts}."
            )
        plain = not self.diag_scale and self.preactivation is keras.activations.linear
        if not plain and (self.parameterization == "vector" or self.num_experts):
            raise ValueError(
                "`diag_scale` and `preactivation` must be left out with experts or vectors, "
                f"received diag_scale={self.diag_scale}, preactivation={self.preactivation}."
            )

    def _make_cross(self, index: int) -> keras.layers.Layer:
        shared = {
            "name": f"cross_{index}",
            "dtype": self.dtype_policy,
            "use_bias": self.use_bias,
            "kernel_initializer": copy_initializer(self.kernel_initializer),
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
        }
        if self.parameterization == "vector":
            return CrossVector(**shared)
        if self.num_experts is None or self.projection_dim is None:
            return Cross(
                self.projection_dim,
                diag_scale=self.diag_scale,
                preactivation=self.preactivation,
                **shared,
            )
        return CrossMixture(
            self.projection_dim,
            self.num_experts,
            gate=self.gate,
            inner_activation=self.inner_activation,
            **shared,
        )

    def build(self, input_shape: Shape) -> None:
        """Creates the weights."""
        for cross in self.crosses:
            cross.build(input_shape)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[..., D]`."""
        x = inputs
        for cross in self.crosses:
            x = cross(inputs, x)
        return x

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        inner = self.inner_activation
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "parameterization": self.parameterization,
            "projection_dim": self.projection_dim,
            "num_experts": self.num_experts,
            "gate": self.gate,
            "inner_activation": inner and keras.activations.serialize(inner),
            "diag_scale": self.diag_scale,
            "use_bias": self.use_bias,
            "preactivation": keras.activations.serialize(self.preactivation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }

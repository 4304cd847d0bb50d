"""One cross layer of DCN-Mix, a mixture of low-rank experts."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Initializer, Regularizer, Shape, copy_initializer
from tfrs_ext.typing import Activation, Config

_GATES = ("softmax", "sigmoid", "constant")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CrossMixture(keras.layers.Layer):
    """Crosses features explicitly through experts that work in subspaces of the features.

    `x + sum_i G_i(x) * x0 * (U_i g(C_i g(V_i x)) + b)`; with `inner_activation=None` the middle
    `C_i` is dropped: `x + sum_i G_i(x) * x0 * (U_i V_i x + b)`.

    The gates multiply the experts before `U`, which is linear, so that all experts share two
    matrix products, the first of which computes the gates as well.

    Args:
        projection_dim: Width of each expert's subspace.
        num_experts: Number of experts.
        gate: "softmax" or "sigmoid" of a linear map of `x`, or "constant" for gates of 1, with
            which one expert is exactly `Cross(projection_dim)`.
        inner_activation: Non-linearity `g` in the subspace (tanh in the paper's text and in
            DeepCTR, relu in torchrec), or None for linear experts.
        use_bias: Whether there is a bias `b`, shared by the experts.
        kernel_initializer: Initializer of `U`, `C`, `V`.
        bias_initializer: Initializer of `b`.
        kernel_regularizer: Regularizer of `U`, `C`, `V`.
        bias_regularizer: Regularizer of `b`.

    Call arguments:
        x0: `[..., D]` floating point, the features.
        x: `[..., D]`, the output of the cross layer before this one; `x0` when omitted.

    Returns:
        `[..., D]`, in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> x0 = tf.constant([[0.1, 0.2, 0.3]])
        >>> layer = CrossMixture(1, 2, kernel_initializer="ones", inner_activation=None)
        >>> layer(x0).numpy().round(2)
        array([[0.16, 0.32, 0.48]], dtype=float32)

    References:
        R. Wang et al., 2021. DCN V2: Improved Deep & Cross Network. arXiv:2008.13535.
    """

    def __init__(
        self,
        projection_dim: int,
        num_experts: int = 4,
        gate: str = "softmax",
        inner_activation: Activation = "tanh",
        use_bias: bool = True,
        kernel_initializer: Initializer = "truncated_normal",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_experts < 1:
            raise ValueError(f"`num_experts` must be at least 1, received {num_experts=}.")
        if gate not in _GATES:
            raise ValueError(f"`gate` must be one of {_GATES}, received {gate=}.")
        self.projection_dim = projection_dim
        self.num_experts = num_experts
        self.gate = gate
        self.inner_activation = inner_activation and keras.activations.get(inner_activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Creates the weights."""
        width, rank, experts = input_shape[-1], self.projection_dim, self.num_experts
        if not 1 <= rank <= width:
            raise ValueError(
                f"`projection_dim` must be between 1 and the width of the input, {width}, "
                f"received projection_dim={rank}."
            )
        self.kernel_v = self._add_kernel("kernel_v", (width, experts * rank))
        self.kernel_u = self._add_kernel("kernel_u", (experts * rank, width))
        if self.inner_activation:
            # Each expert's block is drawn by itself: fan-based initializers see `[rank, rank]`.
            self.kernels_c = [
                self._add_kernel(f"kernel_c_{expert}", (rank, rank)) for expert in range(experts)
            ]
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(width,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )
        if self.gate != "constant":
            self.kernel_gates = self.add_weight(
                name="kernel_gates", shape=(width, experts), initializer="glorot_uniform"
            )
        super().build(input_shape)

    def _add_kernel(self, name: str, shape: tuple[int, int]) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=copy_initializer(self.kernel_initializer),
            regularizer=self.kernel_regularizer,
        )

    def call(self, x0: tf.Tensor, x: tf.Tensor | None = None) -> tf.Tensor:
        """Returns `[..., D]`."""
        x = x0 if x is None else tf.cast(x, self.compute_dtype)
        subspaces, gates = self._project(x)
        subspaces = self._inner(subspaces)
        if gates is not None:
            subspaces *= tf.repeat(gates, self.projection_dim, axis=-1)
        bracket = tf.tensordot(subspaces, self.kernel_u, 1)
        if self.use_bias:
            bracket = self._add_bias(bracket, gates)
        return x0 * bracket + x

    def _project(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns `V x` of all experts, `[..., experts * rank]`, and the gates `[..., experts]`."""
        if self.gate == "constant":
            return tf.tensordot(x, self.kernel_v, 1), None
        both = tf.tensordot(x, tf.concat([self.kernel_v, self.kernel_gates], 1), 1)
        sizes = [self.kernel_v.shape[1], self.num_experts]
        subspaces, gates = tf.split(both, sizes, axis=-1)
        return subspaces, keras.activations.get(self.gate)(gates)

    def _add_bias(self, bracket: tf.Tensor, gates: tf.Tensor | None) -> tf.Tensor:
        if self.gate == "sigmoid":
            return bracket + tf.reduce_sum(gates, -1, keepdims=True) * self.bias
        # The gates of a softmax sum to 1.
        return bracket + (self.bias if self.gate == "softmax" else self.num_experts * self.bias)

    def _inner(self, subspaces: tf.Tensor) -> tf.Tensor:
        g = self.inner_activation
        if not g:
            return subspaces
        experts = tf.split(g(subspaces), self.num_experts, axis=-1)
        middle = [tf.tensordot(h, c, 1) for h, c in zip(experts, self.kernels_c, strict=True)]
        return g(tf.concat(middle, -1))

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        inner = self.inner_activation
        return {
            **super().get_config(),
            "projection_dim": self.projection_dim,
            "num_experts": self.num_experts,
            "gate": self.gate,
            "inner_activation": inner and keras.activations.serialize(inner),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }

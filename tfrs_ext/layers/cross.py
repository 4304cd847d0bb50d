"""One cross layer of DCN-V2, with a full or a low-rank matrix."""

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Shape, copy_initializer


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Cross(tfrs.layers.dcn.Cross):
    """Crosses features explicitly: TFRS's layer, with checks and true mixed precision.

    `x0 * (f(W x + b) + diag_scale * x) + x`, where `f` is the `preactivation` and `W` is `[D, D]`
    or, with `projection_dim`, the product of `[D, projection_dim]` and `[projection_dim, D]`.

    The arguments and the names of the weights are those of TFRS's class, which checkpoints of
    either therefore share. What differs: the matrix products run in the layer's compute dtype,
    `x` may have another dtype than `x0`, and the weights exist as soon as the layer is built.

    Args:
        projection_dim: The rank of the matrix, or None for a full matrix. It saves time when it is
            below `D / 2`; `D / 4` often keeps the quality. Above `D` it is taken, as in TFRS, but
            costs more than a full matrix and says no more.
        diag_scale: Non-negative number that is added to the diagonal of the matrix.
        use_bias: Whether there is a bias `b`.
        preactivation: The activation `f` of `W x + b`, before `diag_scale * x` is added.
        kernel_initializer: Initializer of the matrices.
        bias_initializer: Initializer of the bias.
        kernel_regularizer: Regularizer of the matrices.
        bias_regularizer: Regularizer of the bias.

    Call arguments:
        x0: `[..., D]` floating point, the features.
        x: `[..., D]`, the output of the cross layer before this one; `x0` when omitted.

    Returns:
        `[..., D]`, in the layer's compute dtype.

    Raises:
        ValueError: `projection_dim` is not positive, or the widths differ.

    Relations:
        `CrossNetwork` stacks these; `CrossVector` is DCN v1's cheaper layer; `CrossMixture` is the
        mixture of low-rank experts.

    Example:
        >>> x0 = tf.constant([[0.1, 0.2, 0.3]])
        >>> Cross(kernel_initializer="ones")(x0).numpy().round(2)
        array([[0.16, 0.32, 0.48]], dtype=float32)

    References:
        R. Wang et al., 2021. DCN V2: Improved Deep & Cross Network. arXiv:2008.13535.
    """

    def build(self, input_shape: Shape) -> None:
        """Creates the weights."""
        width = input_shape[-1]
        if self._projection_dim is None:
            self._dense = self._make_dense(width)
            self._dense.build(input_shape)
        else:
            self._check_projection()
            self._dense_u = self._make_dense(self._projection_dim, inner=True)
            self._dense_v = self._make_dense(width)
            self._dense_u.build(input_shape)
            self._dense_v.build((None, self._projection_dim))
        self.built = True

    def _check_projection(self) -> None:
        if self._projection_dim < 1:
            raise ValueError(
                f"`projection_dim` must be a positive integer, or None for a full matrix, "
                f"received projection_dim={self._projection_dim}."
            )

    def _make_dense(self, units: int, inner: bool = False) -> keras.layers.Dense:
        # TFRS passes `self.dtype`, which is the variables' dtype: float32 products under float16.
        return keras.layers.Dense(
            units,
            activation=None if inner else self._preactivation,
            use_bias=self._use_bias and not inner,
            kernel_initializer=copy_initializer(self._kernel_initializer),
            bias_initializer=self._bias_initializer,
            kernel_regularizer=self._kernel_regularizer,
            bias_regularizer=self._bias_regularizer,
            dtype=self.dtype_policy,
        )

    def call(self, x0: tf.Tensor, x: tf.Tensor | None = None) -> tf.Tensor:
        """Returns `[..., D]`."""
        # Keras casts the first argument only.
        return super().call(x0, None if x is None else tf.cast(x, self.compute_dtype))

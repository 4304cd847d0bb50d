"""Attention of the Deep Interest Network."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.activations import (
    activate,
    get_activation,
    make_activation,
    serialize_activation,
)
from tfrs_ext.layers.arguments import (
    Initializer,
    Masks,
    Regularizer,
    Shapes,
    check_units,
    copy_initializer,
    each_shape,
    mask_of,
)
from tfrs_ext.typing import Activation, Config, Training

_INTERACTIONS = ("difference", "outer")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DINAttention(keras.layers.Layer):
    """Sums a user's behaviours, each weighted by what it says about the candidate.

    `sum_l a(q, k_l) k_l`, where `a` is a small network on `[q, k, q - k, q * k]` (the authors'
    code) or on `[q, k, vec(q k^T)]` (the paper).

    The first layer of the network is linear in these parts, so the parts are never concatenated
    and the outer product is never formed.

    Args:
        hidden_units: Widths of the network's hidden layers.
        activation: The activation of the hidden layers: "dice", "prelu", what Keras takes, or a
            layer, which is copied for each of them.
        interaction: "difference" for `[q, k, q - k, q * k]`, "outer" for `[q, k, vec(q k^T)]`.
        use_softmax: Whether the weights of a row are made to sum to 1, as in the authors' code.
            The paper leaves them as they are, which keeps how much interest there is.
        scale_scores: Whether the scores are divided by `sqrt(D)`, as in the authors' code.
        kernel_initializer: Initializer of the network's kernels.
        kernel_regularizer: Regularizer of the network's kernels.

    Call arguments:
        inputs: A list `[query, keys]`, both floating point:
            query: `[B, D]`, or `[B, C, D]` for many candidates with one history.
            keys: `[B, L, D]`, the behaviours.
        mask: `[B, L]` boolean, False where the keys are padding; or the list of the masks of
            `inputs`, as Keras passes it on from an `Embedding(mask_zero=True)`.
        training: Passed on to the activations.
        return_scores: Whether the weights are returned as well.

    Returns:
        `[B, D]`, or `[B, C, D]`; with `return_scores`, also the weights `[B, L]` or `[B, C, L]`.
        Padding has weight 0, and an empty history gives zeros.

    Raises:
        ValueError: An argument, or a shape, is not as described.

    Relations:
        For several kinds of behaviour use one layer each and concatenate what they return; one
        layer called several times shares its weights. `keras.layers.Attention` compares by a dot
        product, which is cheaper and can say less. A two-tower model can't use the candidate:
        `HistoryPooling`.

    Example:
        >>> query, keys = tf.ones([2, 4]), tf.ones([2, 3, 4])
        >>> DINAttention((4,))([query, keys], mask=tf.zeros([2, 3], tf.bool)).numpy()
        array([[0., 0., 0., 0.],
               [0., 0., 0., 0.]], dtype=float32)

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
    """

    def __init__(
        self,
        hidden_units: Sequence[int] = (80, 40),
        activation: Activation = "dice",
        interaction: str = "difference",
        use_softmax: bool = False,
        scale_scores: bool = False,
        kernel_initializer: Initializer = "glorot_uniform",
        kernel_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not check_units(hidden_units):
            raise ValueError(
                "`hidden_units` must be positive integers, one or more, received none."
            )
        if interaction not in _INTERACTIONS:
            raise ValueError(
                f"`interaction` must be one of {_INTERACTIONS}, received {interaction=}."
            )
        self.hidden_units = tuple(hidden_units)
        self.activation = get_activation(activation)
        self.interaction = interaction
        self.use_softmax = use_softmax
        self.scale_scores = scale_scores
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.activations = [
            make_activation(self.activation, self.dtype_policy) for _ in self.hidden_units
        ]
        self.denses = [self._make_dense(units) for units in (*self.hidden_units[1:], 1)]
        self.supports_masking = True

    def _make_dense(self, units: int) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=copy_initializer(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Shapes) -> None:
        """Creates the weights of the first layer."""
        query, keys = each_shape(input_shape)
        if query.rank not in (2, 3) or keys.rank != 3 or query[-1] != keys[-1]:
            raise ValueError(
                "`inputs` must be a query [B, D] or [B, C, D] and keys [B, L, D], "
                f"received shapes {query} and {keys}."
            )
        width = keys[-1]
        parts = [width] * 4 if self.interaction == "difference" else [width, width, width**2]
        self._parts = parts
        self.kernel = self.add_weight(
            name="kernel",
            shape=(sum(parts), self.hidden_units[0]),
            initializer=copy_initializer(self.kernel_initializer),
            regularizer=self.kernel_regularizer,
        )
        self.bias = self.add_weight(name="bias", shape=self.hidden_units[:1], initializer="zeros")
        super().build(input_shape)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        mask: Masks = None,
        training: Training = None,
        return_scores: bool = False,
    ) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
        """Returns `[B, D]` or `[B, C, D]`, and the weights on request."""
        query, keys = inputs
        mask = mask_of(mask, keys, place=1)
        mask = None if mask is None else mask[:, None]
        one_candidate = query.shape.rank == 2
        scores = self._scores(query[:, None] if one_candidate else query, keys, mask)
        weights = self._weights(scores, mask)
        outputs = tf.matmul(weights, keys)
        if one_candidate:
            outputs, weights = outputs[:, 0], weights[:, 0]
        return (outputs, weights) if return_scores else outputs

    def _scores(self, query: tf.Tensor, keys: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        hidden = self._first_layer(query, keys)
        for activation, dense in zip(self.activations, self.denses, strict=True):
            hidden = dense(activate(activation, hidden, mask))
        return hidden[..., 0]

    def _first_layer(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """Returns `[B, C, L, H]`, the kernel's product with the parts, plus the bias."""
        kernel = tf.convert_to_tensor(self.kernel)
        if self.interaction == "difference":
            of_query, of_keys, of_difference, of_product = tf.split(kernel, self._parts)
            of_query, of_keys = of_query + of_difference, of_keys - of_difference
            both = tf.tensordot(query[:, :, None] * keys[:, None], of_product, 1)
        else:
            of_query, of_keys, of_outer = tf.split(kernel, self._parts)
            width, units = self._parts[0], self.hidden_units[0]
            # q k^T : W = k (q W), with W seen as [D, D, H].
            per_query = tf.tensordot(query, tf.reshape(of_outer, [width, width * units]), 1)
            shape = tf.concat([tf.shape(query)[:2], [width, units]], 0)
            both = tf.matmul(keys[:, None], tf.reshape(per_query, shape))
        alone = tf.tensordot(query, of_query, 1) + self.bias
        return both + alone[:, :, None] + tf.tensordot(keys, of_keys, 1)[:, None]

    def _weights(self, scores: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        weights = tf.cast(scores, tf.float64 if scores.dtype == tf.float64 else tf.float32)
        if self.scale_scores:
            weights /= tf.sqrt(tf.cast(self._parts[0], weights.dtype))
        if self.use_softmax:
            kept = weights if mask is None else tf.where(mask, weights, weights.dtype.min)
            weights = tf.nn.softmax(kept)
        if mask is not None:
            weights = tf.where(mask, weights, 0)
        return tf.cast(weights, scores.dtype)

    def compute_mask(self, inputs: Sequence[tf.Tensor], mask: Masks = None) -> None:
        """Returns None: what comes out has no steps."""
        return

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": serialize_activation(self.activation),
            "interaction": self.interaction,
            "use_softmax": self.use_softmax,
            "scale_scores": self.scale_scores,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }

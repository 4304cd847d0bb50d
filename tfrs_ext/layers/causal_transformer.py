"""One block of a causal transformer over packed sequences."""

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.activations import (
    get_activation,
    make_activation,
    serialize_activation,
)
from tfrs_ext.ops.causal_attention import causal_attention
from tfrs_ext.typing import Activation, Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CausalTransformer(keras.layers.Layer):
    """Lets each token of a sequence look at those before it, then transforms each by itself.

    With `pre_norm`: `x += Attention(LN(x)); x += FFN(LN(x))`; else, as in the original transformer:
    `x = LN(x + Attention(x)); x = LN(x + FFN(x))`. A gated feed-forward network is
    `(act(x W) * (x V)) U`, else it is `act(x W) U`.

    Args:
        num_heads: The number of attention heads, a divisor of the tokens' width D.
        hidden_units: The width of the feed-forward network; None is D.
        activation: The activation of the feed-forward network: "dice", "prelu", what Keras takes,
            or a layer to be copied.
        gated: Whether the feed-forward network has a gate.
        dropout: The share of the outputs of both parts that is dropped in training.
        pre_norm: Whether the parts' inputs are normalised, or the sums.
        time_buckets: N, into how many lengths of time the past is divided, each twice as long as
            the one before: a token's attention then depends on how long ago another was. 0 leaves
            times out.

    Call arguments:
        tokens: `[T, D]` floating point, the tokens of all sequences, one after the other.
        row_splits: `[S + 1]` integers: sequence s is the tokens from `row_splits[s]` up to
            `row_splits[s + 1]`. Neighbours of like length are padded least.
        times: `[T]` integers, when each token happened, in seconds; with `time_buckets` alone.
        training: Whether dropout is on.

    Returns:
        `[T, D]` in the layer's compute dtype.

    Raises:
        ValueError: D isn't a multiple of `num_heads`, or a number is out of range.

    Relations:
        `models.SequenceTower` stacks these layers.

    Example:
        >>> layer = CausalTransformer(num_heads=2)
        >>> layer(tf.ones([5, 8]), tf.constant([0, 3, 5])).shape
        TensorShape([5, 8])

    References:
        Vaswani et al.: Attention Is All You Need, NeurIPS 2017. Kang and McAuley: Self-Attentive
        Sequential Recommendation, ICDM 2018. Xiong et al.: On Layer Normalization in the
        Transformer Architecture, ICML 2020. Shazeer: GLU Variants Improve Transformer, 2020. Zhai
        et al.: Actions Speak Louder than Words, ICML 2024, for the bias of time.
    """

    def __init__(
        self,
        num_heads: int = 1,
        hidden_units: int | None = None,
        activation: Activation = "gelu",
        gated: bool = False,
        dropout: float = 0.0,
        pre_norm: bool = True,
        time_buckets: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if time_buckets < 0:
            raise ValueError(f"`time_buckets` must not be negative, received {time_buckets}.")
        if num_heads < 1 or (hidden_units is not None and hidden_units < 1):
            raise ValueError(
                "`num_heads` and `hidden_units` must be at least 1, received "
                f"num_heads={num_heads}, hidden_units={hidden_units}."
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"`dropout` must be at least 0 and below 1, received {dropout}.")
        self.num_heads, self.hidden_units, self.gated = num_heads, hidden_units, gated
        self.activation = get_activation(activation)
        self.activate = make_activation(self.activation, self.dtype_policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.pre_norm, self.time_buckets = pre_norm, time_buckets

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates the variables for tokens `[T, D]`."""
        width = input_shape[-1]
        if not width or width % self.num_heads:
            raise ValueError(
                f"`tokens` must have a width that is a multiple of num_heads={self.num_heads}, "
                f"received shape {tuple(input_shape)}."
            )
        units = self.hidden_units or width
        self.attention_norm = self._norm("attention_norm", width)
        self.attention_input = self._dense("attention_input", width, 3 * width)
        self.attention_output = self._dense("attention_output", width, width)
        self.time_bias = None
        if self.time_buckets:
            shape = [self.time_buckets]
            self.time_bias = self.add_weight("time_bias", shape, tf.float32, "zeros")
        self.feed_forward_norm = self._norm("feed_forward_norm", width)
        self.feed_forward_input = self._dense("feed_forward_input", width, units * (1 + self.gated))
        self.feed_forward_output = self._dense("feed_forward_output", units, width)
        super().build(input_shape)

    def call(
        self,
        tokens: tf.Tensor,
        row_splits: tf.Tensor,
        times: tf.Tensor | None = None,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Returns the transformed tokens `[T, D]`."""
        attend = functools.partial(self._attend, row_splits=row_splits, times=times)
        parts = ((attend, self.attention_norm), (self._feed_forward, self.feed_forward_norm))
        for part, norm in parts:
            outputs = part(norm(tokens) if self.pre_norm else tokens)
            tokens += self.dropout(outputs, training=training)
            tokens = tokens if self.pre_norm else norm(tokens)
        return tokens

    def _attend(
        self, tokens: tf.Tensor, row_splits: tf.Tensor, times: tf.Tensor | None
    ) -> tf.Tensor:
        queries, keys, values = tf.split(self.attention_input(tokens), 3, axis=1)
        bias = None if self.time_bias is None else tf.cast(self.time_bias, tf.float32)
        attended = causal_attention(
            queries, keys, values, row_splits, self.num_heads, times=times, time_bias=bias
        )
        return self.attention_output(attended)

    def _feed_forward(self, tokens: tf.Tensor) -> tf.Tensor:
        hidden = self.feed_forward_input(tokens)
        if not self.gated:
            return self.feed_forward_output(self.activate(hidden))
        gate, hidden = tf.split(hidden, 2, axis=1)
        return self.feed_forward_output(self.activate(gate) * hidden)

    def _norm(self, name: str, width: int) -> keras.layers.Layer:
        layer = keras.layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy, name=name)
        layer.build([None, width])
        return layer

    def _dense(self, name: str, width: int, units: int) -> keras.layers.Layer:
        layer = keras.layers.Dense(units, dtype=self.dtype_policy, name=name)
        layer.build([None, width])
        return layer

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_units": self.hidden_units,
            "activation": serialize_activation(self.activation),
            "gated": self.gated,
            "dropout": self.dropout.rate,
            "pre_norm": self.pre_norm,
            "time_buckets": self.time_buckets,
        }

"""Activations by name, function or layer, those with weights included."""

import inspect

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.channel_prelu import ChannelPReLU
from tfrs_ext.layers.dice import Dice
from tfrs_ext.typing import Activation, Config

_LAYERS: dict[str, type[keras.layers.Layer]] = {"dice": Dice, "prelu": ChannelPReLU}


def _class_of(activation: Activation | Config) -> type[keras.layers.Layer] | None:
    return _LAYERS.get(activation) if isinstance(activation, str) else None


def get_activation(activation: Activation | Config) -> Activation:
    """Returns a layer's name, a layer or a function, from one of these, a name, or a config.

    Args:
        activation: "dice", "prelu", what Keras takes, a layer, or the configuration of a layer.
    """
    if isinstance(activation, dict):
        return keras.saving.deserialize_keras_object(activation)
    if _class_of(activation) or isinstance(activation, keras.layers.Layer):
        return activation
    try:
        return keras.activations.get(activation)
    except (TypeError, ValueError):
        raise ValueError(
            '`activation` must be "dice", "prelu", the name of a Keras activation, a function, a '
            f"layer or None, received {activation!r}."
        ) from None


def serialize_activation(activation: Activation) -> str | Config:
    """Returns what `get_activation` turns back into the activation.

    Args:
        activation: What `get_activation` returned.
    """
    if isinstance(activation, str):
        return activation
    if isinstance(activation, keras.layers.Layer):
        return keras.saving.serialize_keras_object(activation)
    return keras.activations.serialize(activation)


def make_activation(
    activation: Activation, dtype: str | keras.mixed_precision.Policy
) -> keras.layers.Layer:
    """Returns a new layer, so that every place has weights of its own.

    Args:
        activation: What `get_activation` returned.
        dtype: The dtype, or the policy, of the new layer.
    """
    kind = _class_of(activation)
    if kind is not None:
        return kind(dtype=dtype)
    if isinstance(activation, keras.layers.Layer):
        return type(activation).from_config({**activation.get_config(), "dtype": dtype})
    return keras.layers.Activation(activation, dtype=dtype)


def activate(layer: keras.layers.Layer, inputs: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Calls an activation, with the mask where it takes one.

    Args:
        layer: What `make_activation` returned.
        inputs: `[B, ..., C]`, what the activation is applied to.
        mask: A boolean mask of the leading dimensions, or None.
    """
    if "mask" in inspect.signature(layer.call).parameters:
        return layer(inputs, mask=mask)
    return layer(inputs)

"""Activations by name, function or layer, those with weights included."""

import inspect
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.channel_prelu import ChannelPReLU
from tfrs_ext.layers.dice import Dice

_LAYERS = {"dice": Dice, "prelu": ChannelPReLU}


def _is_layer_name(activation: Any) -> bool:
    return isinstance(activation, str) and activation in _LAYERS


def get_activation(activation: Any) -> Any:
    """Returns a layer's name, a layer or a function, from one of these, a name, or a config."""
    if _is_layer_name(activation) or isinstance(activation, keras.layers.Layer):
        return activation
    if isinstance(activation, dict):
        return keras.saving.deserialize_keras_object(activation)
    return keras.activations.get(activation)


def serialize_activation(activation: Any) -> Any:
    """Returns what `get_activation` turns back into the activation."""
    if _is_layer_name(activation):
        return activation
    if isinstance(activation, keras.layers.Layer):
        return keras.saving.serialize_keras_object(activation)
    return keras.activations.serialize(activation)


def make_activation(activation: Any, dtype: Any) -> Any:
    """Returns a new layer, so that every place has weights of its own."""
    if _is_layer_name(activation):
        return _LAYERS[activation](dtype=dtype)
    if isinstance(activation, keras.layers.Layer):
        return type(activation).from_config({**activation.get_config(), "dtype": dtype})
    return keras.layers.Activation(activation, dtype=dtype)


def activate(layer: Any, inputs: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Calls the layer, with the mask where it takes one."""
    if "mask" in inspect.signature(layer.call).parameters:
        return layer(inputs, mask=mask)
    return layer(inputs)

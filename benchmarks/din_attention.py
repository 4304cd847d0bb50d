"""A training step of DIN's attention beside Keras's masked dot-product attention.

Run: python -m benchmarks.din_attention
"""

import argparse
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from benchmarks.timing import median_seconds, write
from tfrs_ext._keras import keras
from tfrs_ext.layers import DINAttention


class Concatenating(keras.layers.Layer):
    """DIN's attention as usually written: all four parts side by side, then dense layers."""

    def __init__(self) -> None:
        super().__init__()
        dense = keras.layers.Dense
        self.unit = keras.Sequential([dense(80, "sigmoid"), dense(40, "sigmoid"), dense(1)])

    def call(self, inputs: Any, mask: tf.Tensor) -> tf.Tensor:
        """Returns `[B, D]`."""
        query, keys = inputs
        query = tf.repeat(query[:, None], tf.shape(keys)[1], axis=1)
        weights = self.unit(tf.concat([query, keys, query - keys, query * keys], -1))[..., 0]
        return tf.einsum("bl,bld->bd", tf.where(mask, weights, 0.0), keys)


class DotProduct(keras.layers.Layer):
    """Keras's attention with one query a row."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = keras.layers.Attention()

    def call(self, inputs: Any, mask: tf.Tensor) -> tf.Tensor:
        """Returns `[B, D]`."""
        query, keys = inputs
        return self.attention([query[:, None], keys], mask=[None, mask])[:, 0]


def training_step(layer: Any, batch: int, length: int, width: int) -> Callable[[], Any]:
    """Returns a compiled forward and backward pass to weights and inputs."""
    query, keys = tf.random.normal([batch, width]), tf.random.normal([batch, length, width])
    mask = tf.range(length) >= tf.random.uniform([batch, 1], 0, length, tf.int32)
    layer([query, keys], mask=mask)
    variables = layer.trainable_variables

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch([query, keys])
            outputs = layer([query, keys], mask=mask, training=True)
        return [tf.reduce_sum(g) for g in tape.gradient(outputs, [query, keys, *variables])]

    return step


def main() -> None:
    """Prints the table and writes benchmarks/results/din_attention.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--lengths", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    rows = []
    for length in args.lengths:
        layers = {
            "dot product (Keras)": DotProduct(),
            "DIN, sigmoid": DINAttention(activation="sigmoid"),
            "DIN, Dice": DINAttention(),
            "DIN, sigmoid, outer product": DINAttention(activation="sigmoid", interaction="outer"),
            "DIN, sigmoid, concatenated": Concatenating(),
        }
        steps = {
            name: training_step(layer, args.batch, length, args.width)
            for name, layer in layers.items()
        }
        seconds = median_seconds(steps, repeats=args.repeats)
        dot = seconds["dot product (Keras)"]
        rows.append(
            {
                "length": length,
                "milliseconds": {name: 1e3 * value for name, value in seconds.items()},
                "times_dot_product": {name: value / dot for name, value in seconds.items()},
            }
        )
    write("din_attention", {"settings": vars(args), "rows": rows})


if __name__ == "__main__":
    main()

"""A training step of cross networks beside the matrix products that it can't do without.

For the mixture there is a floor, too: the products, and the passes over whole tensors that the
formula and its derivative ask for, each of them one operation of TensorFlow.

Run: python -m benchmarks.cross_network
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.timing import median_seconds, write
from tfrs_ext._keras import keras
from tfrs_ext.layers import CrossNetwork


class StackOfTFRS(keras.layers.Layer):
    """The same network from TFRS's own layer."""

    def __init__(self, num_layers: int, projection_dim: int | None) -> None:
        super().__init__()
        self.crosses = [tfrs.layers.dcn.Cross(projection_dim) for _ in range(num_layers)]

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[B, D]`."""
        x = inputs
        for cross in self.crosses:
            x = cross(inputs, x)
        return x


def training_step(network: Any, batch: int, width: int) -> Callable[[], Any]:
    """Returns a compiled forward and backward pass to weights and inputs."""
    inputs, upstream = tf.random.normal([batch, width]), tf.random.normal([batch, width])
    network(inputs)
    variables = network.trainable_variables

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = network(inputs)
        return [g[:1] for g in tape.gradient(outputs, [inputs, *variables], upstream)]

    return step


def products(sizes: list[tuple[int, int]], layers: int, batch: int) -> Callable[[], Any]:
    """Returns the products alone: for every matrix forward, its gradient, its input's gradient."""
    operands = [
        (
            tf.random.normal([batch, rows]),
            tf.random.normal([rows, columns]),
            tf.random.normal([batch, columns]),
        )
        for rows, columns in sizes * layers
    ]

    @tf.function
    def step() -> Any:
        done = []
        for x, w, g in operands:
            done += [tf.matmul(x, w), tf.matmul(x, g, True), tf.matmul(g, w, False, True)]
        return [product[:1] for product in done]

    return step


def with_passes(
    products: Callable[[], Any], width: int, rank: int, layers: int, batch: int
) -> Callable[[], Any]:
    """Returns the products, then the passes of a mixture with experts of `rank` together.

    Forward: two tanh and the gates over the experts' width; the bias, `x0 *` and `+ x` over the
    features'. Backward: the derivatives of all of them, and the sums of what comes from two sides.
    """
    features = [[tf.random.normal([batch, width]) for _ in range(4)] for _ in range(layers)]
    subspaces = [[tf.random.normal([batch, rank]) for _ in range(3)] for _ in range(layers)]
    bias = tf.zeros([width])

    def of_layer(wide: list[tf.Tensor], narrow: list[tf.Tensor]) -> list[tf.Tensor]:
        (x0, x, bracket, upstream), (h, middle, gates) = wide, narrow
        of_bracket, first, second = upstream * x0, tf.tanh(h), tf.tanh(middle)
        return [
            x0 * (bracket + bias) + x,
            upstream + of_bracket,
            x0 + upstream * bracket,
            tf.reduce_sum(of_bracket, 0, keepdims=True),
            tf.raw_ops.TanhGrad(y=first, dy=h),
            tf.raw_ops.TanhGrad(y=second, dy=h * gates),
            second * gates,
            h * second,
        ]

    @tf.function
    def step() -> Any:
        done = [products()]
        for wide, narrow in zip(features, subspaces, strict=True):
            done += [part[:1] for part in of_layer(wide, narrow)]
        return done

    return step


def processor_seconds(steps: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Returns the median processor time of a step of each, on which other processes weigh less."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.process_time()
            step()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Prints the table and writes benchmarks/results/cross_network.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--widths", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    rows = []
    for width in args.widths:
        rank = width // 4
        kinds = {
            "matrix": ({}, [(width, width)]),
            "low rank": ({"projection_dim": rank}, [(width, rank), (rank, width)]),
            "mixture": (
                {"projection_dim": rank // 4, "num_experts": 4},
                [(width, rank), *[(rank // 4, rank // 4)] * 4, (rank, width)],
            ),
        }
        for kind, (arguments, sizes) in kinds.items():
            steps = {
                "network": training_step(CrossNetwork(args.layers, **arguments), args.batch, width),
                "products": products(sizes, args.layers, args.batch),
            }
            if kind == "mixture":
                floor = (products(sizes, args.layers, args.batch), width, rank)
                steps["products and passes"] = with_passes(*floor, args.layers, args.batch)
            else:
                theirs = StackOfTFRS(args.layers, arguments.get("projection_dim"))
                steps["TFRS"] = training_step(theirs, args.batch, width)
            seconds = median_seconds(steps, repeats=args.repeats)
            processor = processor_seconds(steps, args.repeats)
            rows.append(
                {
                    "width": width,
                    "kind": kind,
                    "milliseconds": {name: 1e3 * value for name, value in seconds.items()},
                    "times_products": seconds["network"] / seconds["products"],
                    "processor_times_products": processor["network"] / processor["products"],
                    "processor_milliseconds": {n: 1e3 * value for n, value in processor.items()},
                }
            )
    write("cross_network", {"settings": vars(args), "rows": rows})


if __name__ == "__main__":
    main()

"""Our ranking layers beside DeepCTR's, with the same weights: the largest difference of outputs.

Run: pip install --no-deps deepctr==0.9.4; python -m benchmarks.deepctr_oracle
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from deepctr.layers.activation import Dice as TheirDice
from deepctr.layers.interaction import CrossNet, CrossNetMix
from deepctr.layers.sequence import AttentionSequencePoolingLayer

from benchmarks.timing import write
from tfrs_ext.layers import CrossNetwork, Dice, DINAttention

BATCH, WIDTH, LENGTH = 64, 12, 9
RNG = np.random.default_rng(0)


def draw(*shape: int) -> tf.Tensor:
    """Returns normal numbers."""
    return tf.constant(RNG.normal(size=shape).astype(np.float32))


def randomise(variables: list[tf.Variable]) -> None:
    """Draws the weights anew, since zeros would agree whatever is done with them."""
    for variable in variables:
        variable.assign(draw(*variable.shape) / 3)


def dice(training: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Both outputs, with the batch's statistics or the moving averages."""
    inputs, theirs, ours = draw(BATCH, WIDTH), TheirDice(epsilon=1e-8), Dice(epsilon=1e-8)
    theirs(inputs), ours(inputs)
    randomise([theirs.alphas])
    ours.alpha.assign(theirs.alphas[None])
    return ours(inputs, training=training), theirs(inputs, training=training)


def cross(parameterization: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Both outputs of three layers."""
    inputs = draw(BATCH, WIDTH)
    theirs = CrossNet(layer_num=3, parameterization=parameterization)
    ours = CrossNetwork(3, parameterization)
    theirs(inputs), ours(inputs)
    randomise(theirs.weights)
    for layer, kernel, bias in zip(ours.crosses, theirs.kernels, theirs.bias, strict=True):
        # Theirs multiplies columns from the left, ours rows from the right.
        kernel = kernel if parameterization == "vector" else tf.transpose(kernel)
        layer.set_weights([np.asarray(kernel), bias[:, 0].numpy()])
    return ours(inputs), theirs(inputs)


def mixture() -> tuple[tf.Tensor, tf.Tensor]:
    """Both outputs of two layers of three experts."""
    inputs = draw(BATCH, WIDTH)
    theirs = CrossNetMix(low_rank=4, num_experts=3, layer_num=2)
    ours = CrossNetwork(2, projection_dim=4, num_experts=3)
    theirs(inputs), ours(inputs)
    randomise(theirs.weights)
    gates = tf.concat([gate.kernel for gate in theirs.gating], 1)
    parts = zip(ours.crosses, theirs.V_list, theirs.C_list, theirs.U_list, theirs.bias, strict=True)
    for layer, v, c, u, bias in parts:
        layer.kernel_v.assign(tf.concat(tf.unstack(v), 1))
        layer.kernel_u.assign(tf.concat([tf.transpose(kernel) for kernel in tf.unstack(u)], 0))
        for kernel, theirs_c in zip(layer.kernels_c, tf.unstack(c), strict=True):
            kernel.assign(tf.transpose(theirs_c))
        layer.bias.assign(bias[:, 0])
        layer.kernel_gates.assign(gates)  # Theirs shares one gate among the layers.
    return ours(inputs), theirs(inputs)


def attention(use_softmax: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Both outputs of DIN's attention on histories of 1 to `LENGTH` steps."""
    query, keys = draw(BATCH, WIDTH), draw(BATCH, LENGTH, WIDTH)
    lengths = RNG.integers(1, LENGTH + 1, (BATCH, 1))
    theirs = AttentionSequencePoolingLayer((8, 6), weight_normalization=use_softmax)
    ours = DINAttention((8, 6), "sigmoid", use_softmax=use_softmax)
    inputs = [query[:, None], keys, tf.constant(lengths, tf.int32)]
    mask = tf.sequence_mask(lengths[:, 0], LENGTH)
    theirs(inputs), ours([query, keys], mask=mask)
    randomise(theirs.weights)
    unit = theirs.local_att
    ours.kernel.assign(unit.dnn.kernels[0])
    ours.bias.assign(unit.dnn.bias[0])
    ours.denses[0].set_weights([unit.dnn.kernels[1].numpy(), unit.dnn.bias[1].numpy()])
    ours.denses[1].set_weights([unit.kernel.numpy(), unit.bias.numpy()])
    return ours([query, keys], mask=mask), theirs(inputs)[:, 0]


CASES: dict[str, Callable[[], tuple[tf.Tensor, tf.Tensor]]] = {
    "Dice, training": lambda: dice(training=True),
    "Dice, inference": lambda: dice(training=False),
    "CrossNet, vector": lambda: cross("vector"),
    "CrossNet, matrix": lambda: cross("matrix"),
    "CrossNetMix": mixture,
    "DIN's attention": lambda: attention(use_softmax=False),
    "DIN's attention, softmax": lambda: attention(use_softmax=True),
}


def main() -> None:
    """Prints the differences and writes benchmarks/results/deepctr_oracle.json."""
    rows: list[dict[str, Any]] = []
    for name, outputs in CASES.items():
        ours, theirs = (np.asarray(output, np.float64) for output in outputs())
        difference = float(np.abs(ours - theirs).max())
        largest = float(np.abs(theirs).max())
        rows.append({"layer": name, "largest_output": largest, "largest_difference": difference})
    write("deepctr_oracle", {"rows": rows})


if __name__ == "__main__":
    main()

"""Gradients of one's own, wherever the function stands, in graphs that die."""

import gc
import weakref

import pytest
import tensorflow as tf
from tensorflow.python.framework.ops import gradient_registry

from tfrs_ext.ops.custom_gradient import custom_gradient


@custom_gradient
def double(x):
    """Has a gradient of 7, which no formula of TensorFlow's gives."""
    kept = 2.0 * x
    return kept, lambda upstream: 7.0 * upstream * kept / (2.0 * x)


def in_a_function(x):
    return tf.function(double)(x)


def in_a_branch(x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: double(x), lambda: x)


def in_a_loop(x):
    # The result of each turn goes through the gradient of 7 once.
    return tf.while_loop(lambda i, _: i < 2, lambda i, y: (i + 1, double(y)), (0, x))[1]


@pytest.mark.parametrize(
    ("place", "expected"), [(double, 7), (in_a_function, 7), (in_a_branch, 7), (in_a_loop, 49)]
)
@pytest.mark.parametrize("decorate", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_the_gradient_is_taken_wherever_the_function_stands(place, expected, decorate):
    @decorate
    def differentiate(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = place(x)
        return y, tape.gradient(y, x)

    for _ in range(2):
        y, gradient = differentiate(tf.constant([1.0, 2.0]))
        assert y.numpy().tolist() in ([2.0, 4.0], [4.0, 8.0])
        assert gradient.numpy().tolist() == [expected, expected]


def test_a_graph_dies_with_its_function():
    @tf.function
    def differentiate(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = double(x)
        return tape.gradient(y, x)

    before = set(gradient_registry.list())
    graph = differentiate.get_concrete_function(tf.TensorSpec([2])).graph
    alive = weakref.ref(graph)
    registered = gradient_registry.list() - before
    assert registered
    del graph, differentiate
    gc.collect()
    assert alive() is None
    assert not registered & gradient_registry.list()

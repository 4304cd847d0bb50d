"""Whether a graph says that a gradient is one number."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.ops.upstream import common_value

WEIGHTS = tf.constant([1.0, 2.0, 3.0])
ONE_NUMBER = {
    "sum": tf.reduce_sum,
    "mean": tf.reduce_mean,
    "sum over a number": lambda x: tf.reduce_sum(x) / 4.0,
    "mean of a mean": lambda x: tf.reduce_mean(tf.stack([tf.reduce_mean(x), 0.0])),
}
SEVERAL = {
    "weights": lambda x: tf.reduce_sum(x * WEIGHTS),
    "some rows": lambda x: tf.reduce_sum(tf.gather(x, [0, 2])),
    "a slice": lambda x: tf.reduce_sum(x[:2]),
    "the largest": tf.reduce_max,
    "divided rows": lambda x: tf.reduce_sum(x / WEIGHTS),
}


def found_and_true(function):
    found = []

    @tf.function
    def gradient(x):
        @tf.custom_gradient
        def watched(x):
            def back(upstream):
                value = common_value(upstream)
                found.append(value is not None)
                return upstream if value is None else tf.fill([3], value)

            return tf.identity(x), back

        with tf.GradientTape() as tape:
            tape.watch(x)
            total = function(watched(x))
        return tf.convert_to_tensor(tape.gradient(total, x))

    x = tf.constant([0.5, 2.0, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = function(x)
    np.testing.assert_allclose(gradient(x), tf.convert_to_tensor(tape.gradient(total, x)))
    return found == [True]


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_the_number_of_a_sum_is_found(name):
    assert found_and_true(ONE_NUMBER[name])


@pytest.mark.parametrize("name", SEVERAL)
def test_several_numbers_are_not_taken_for_one(name):
    assert not found_and_true(SEVERAL[name])


def test_nothing_is_known_before_it_runs_eagerly():
    assert common_value(tf.ones([3])) is None

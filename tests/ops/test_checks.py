"""Assertions that a graph's optimizer can read past."""

import pytest
import tensorflow as tf

from tfrs_ext.ops.checks import all_true


def test_it_says_what_came_in_a_graph_and_eagerly():
    def check(value):
        with tf.control_dependencies([all_true(value > 0, "must be positive:", value)]):
            return tf.identity(value)

    for run in (check, tf.function(check)):
        assert run(tf.constant(2.0)) == 2.0
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be positive:.*-3"):
            run(tf.constant(-3.0))


def test_what_is_known_costs_no_operation_and_the_rest_no_branch():
    @tf.function(input_signature=[tf.TensorSpec([])])
    def check(value):
        all_true(tf.constant([True, True]), "known")
        all_true(value > 0, "unknown", value)
        return value

    types = [operation.type for operation in check.get_concrete_function().graph.get_operations()]
    assert types.count("Assert") == 1
    assert not {"If", "StatelessIf", "Switch", "Merge"} & {*types}

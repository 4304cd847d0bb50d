"""Attention over packed sequences against loops in float64, one sequence after the other."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.ops.causal_attention import causal_attention


def attend_in_loops(queries, keys, values, lengths, heads, times=None, bias=None):
    outputs, begin = np.zeros_like(values), 0
    width = values.shape[1] // heads
    for length in lengths:
        for head in range(heads):
            part = np.s_[:, head * width : (head + 1) * width]
            for i in range(begin, begin + length):
                scores = keys[part][begin : i + 1] @ queries[part][i] / np.sqrt(width)
                if times is not None:
                    passed = [int(times[i] - times[j]) for j in range(begin, i + 1)]
                    # A whole number's bits say its logarithm exactly.
                    buckets = [min((1 + gap).bit_length() - 1, len(bias) - 1) for gap in passed]
                    scores = scores + bias[buckets]
                weights = np.exp(scores - scores.max())
                outputs[part][i] = weights / weights.sum() @ values[part][begin : i + 1]
        begin += length
    return outputs


def tokens(count, width, seed=0):
    return np.random.default_rng(seed).normal(size=(3, count, width)).astype(np.float32)


def run(packed, lengths, heads, upstream):
    inputs = [tf.constant(part) for part in packed]
    splits = tf.constant(np.concatenate([[0], np.cumsum(lengths)]), tf.int64)

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = causal_attention(*inputs, splits, heads)
    return outputs, tape.gradient(outputs, inputs, output_gradients=upstream)


@hypothesis.settings(max_examples=10, deadline=None, derandomize=True, database=None)
@hypothesis.given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.sampled_from([1, 2]))
def test_equals_the_loops(lengths, heads):
    packed = tokens(sum(lengths), 4)
    splits = tf.constant(np.concatenate([[0], np.cumsum(lengths)]), tf.int64)
    outputs = causal_attention(*map(tf.constant, packed), splits, heads)
    expected = attend_in_loops(*packed.astype(np.float64), lengths, heads)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 3])
def test_gradients_are_those_of_finite_differences(heads):
    lengths, step = [3, 1, 0, 4], 1e-5
    packed, upstream = tokens(8, 6).astype(np.float64), tokens(8, 6, seed=1)[0]
    _, gradients = run(packed.astype(np.float32), lengths, heads, tf.constant(upstream))
    rng = np.random.default_rng(2)
    for _ in range(12):
        direction = rng.normal(size=packed.shape)
        ahead, behind = (
            np.sum(upstream * attend_in_loops(*(packed + sign * step * direction), lengths, heads))
            for sign in (1, -1)
        )
        slope = sum(np.sum(g * d) for g, d in zip(gradients, direction, strict=True))
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("heads", [1, 2])
def test_the_time_that_has_passed_moves_attention_and_learns(heads):
    lengths, step = [3, 1, 0, 5], 1e-5
    packed, upstream = tokens(9, 4).astype(np.float64), tokens(9, 4, seed=1)[0]
    times = np.array([0, 1, 8, 5, 100, 100, 103, 130, 10**9])
    bias = np.random.default_rng(3).normal(size=[12])

    def expected(bias):
        return attend_in_loops(*packed, lengths, heads, times, bias)

    inputs = [tf.constant(part, tf.float32) for part in (*packed, bias)]
    splits = tf.constant(np.concatenate([[0], np.cumsum(lengths)]), tf.int64)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = causal_attention(
            *inputs[:3], splits, heads, times=tf.constant(times), time_bias=inputs[3]
        )
    gradients = tape.gradient(outputs, inputs, output_gradients=tf.constant(upstream))
    np.testing.assert_allclose(outputs, expected(bias), atol=1e-5)
    for place in range(len(bias)):
        moved = np.zeros_like(bias)
        moved[place] = step
        slope = np.sum(upstream * (expected(bias + moved) - expected(bias - moved))) / (2 * step)
        np.testing.assert_allclose(gradients[3][place], slope, rtol=1e-3, atol=1e-4)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


@pytest.mark.parametrize("gap", [2**power - 1 for power in range(31)])
def test_a_bucket_begins_at_a_power_of_two(gap):
    values = tf.constant([[1.0], [0.0]])
    bias = tf.one_hot([(1 + gap).bit_length() - 1], 32, 20.0, 0.0)
    outputs = causal_attention(
        tf.zeros([2, 1]),
        tf.zeros([2, 1]),
        values,
        [0, 2],
        times=tf.constant([5, 5 + gap]),
        time_bias=bias[0],
    )
    # The earlier token gets the weight; at no gap at all both are in the first bucket.
    np.testing.assert_allclose(outputs[1, 0], 1.0 if gap else 0.5, atol=1e-6)


def test_times_without_their_bias_are_refused():
    ones = tf.ones([2, 1])
    with pytest.raises(ValueError, match="given together"):
        causal_attention(ones, ones, ones, [0, 2], times=tf.constant([1, 2]))


def test_no_token_sees_the_future_or_another_sequence():
    packed, lengths = tokens(9, 4), [5, 4]
    before, _ = run(packed, lengths, 1, None)
    changed = packed.copy()
    changed[:, 3] += 1  # The fourth of the first sequence.
    after, _ = run(changed, lengths, 1, None)
    same = np.all(np.isclose(before, after, atol=1e-7), axis=1)
    assert same.tolist() == [True] * 3 + [False] * 2 + [True] * 4


def test_half_precision_is_near():
    packed, lengths = tokens(40, 8), [25, 15]
    expected, _ = run(packed, lengths, 2, None)
    splits = tf.constant([0, 25, 40])
    halves = [tf.cast(part, tf.bfloat16) for part in packed]
    actual = causal_attention(*halves, splits, 2)
    assert actual.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(actual, tf.float32), expected, atol=0.05)

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tfrs_ext.ops.positions import gather_or_pad, is_in, keep_first


@pytest.mark.parametrize(
    ("values", "padding"),
    [(["a", "b"], b""), ([5, 6], -1), ([0.5, 1.5], np.nan), ([True, True], False)],
)
def test_places_without_a_candidate_are_padded_by_dtype(values, padding):
    found = gather_or_pad(tf.constant(values), tf.constant([[1, -1]])).numpy()
    values = [v.encode() if isinstance(v, str) else v for v in values]
    np.testing.assert_array_equal(found, np.array([[values[1], padding]], found.dtype))


def test_padding_covers_whole_rows():
    found = gather_or_pad(tf.ones([3, 2]), tf.constant([2, -1]), padding=0.0)
    assert found.numpy().tolist() == [[1, 1], [0, 0]]


@hypothesis.settings(max_examples=80, deadline=None)
@hypothesis.given(
    rows=st.integers(0, 3),
    values=st.integers(0, 6),
    members=st.integers(0, 6),
    dtype=st.sampled_from([tf.int32, tf.int64, tf.string]),
    seed=st.integers(0, 10**6),
)
def test_membership_is_that_of_sets(rows, values, members, dtype, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-2, 6, size=(rows, values))
    sets = rng.integers(-2, 6, size=(rows, members))
    for array in (numbers, sets):
        array[rng.random(array.shape) < 0.2] = np.iinfo(np.int32).max
    pairs = zip(numbers.tolist(), sets.tolist(), strict=True)
    expected = [[value in row for value in asked] for asked, row in pairs]
    cast = tf.strings.as_string if dtype == tf.string else lambda t: tf.cast(t, dtype)
    found = is_in(cast(tf.constant(numbers)), cast(tf.constant(sets)))
    assert found.numpy().tolist() == expected


def test_kept_places_move_up_in_order_and_padding_follows():
    scores = tf.constant([[9.0, 8.0, 7.0, 6.0]])
    dropped = tf.constant([[True, False, True, False]])
    scores, rows = keep_first(scores, tf.constant([[3, 1, 2, 0]]), dropped, 3)
    assert rows.numpy().tolist() == [[1, 0, -1]]
    assert scores.numpy().tolist() == [[8.0, 6.0, tf.float32.min]]

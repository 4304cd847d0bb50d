import hypothesis
import hypothesis.strategies as st
import numpy as np
import tensorflow as tf

from tfrs_ext.ops.exclusion import make_exclusion


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(
    row_ids=st.lists(st.integers(-3, 6), min_size=1, max_size=12),
    candidate_ids=st.lists(st.integers(-3, 6), min_size=1, max_size=12),
    as_strings=st.booleans(),
    with_mask=st.booleans(),
    block=st.integers(1, 5),
)
def test_strips_of_all_blocks_say_what_comparing_all_pairs_says(
    row_ids, candidate_ids, as_strings, with_mask, block
):
    rows, columns = len(row_ids), len(candidate_ids)
    mask = np.arange(rows * columns).reshape(rows, columns) % 3 > 0 if with_mask else None
    expected = np.not_equal.outer(row_ids, candidate_ids)
    expected = expected & mask if with_mask else expected
    kind = str if as_strings else int
    exclusion = make_exclusion(
        tf.constant(list(map(kind, row_ids))),
        tf.constant(list(map(kind, candidate_ids))),
        None if mask is None else tf.constant(mask),
    )
    order = exclusion.order_columns(tf.range(columns)).numpy()
    actual = np.ones((rows, columns), bool)
    excluded = np.zeros(rows, int)
    for start in range(0, rows, block):
        stop = min(start + block, rows)
        first, last = (int(edge) for edge in exclusion.strip(start, stop))
        valid, count = exclusion.valid(start, stop)
        actual[start:stop, order[first:last]] = valid.numpy()
        excluded[start:stop] = count.numpy()
    np.testing.assert_array_equal(exclusion.restore_rows(tf.constant(actual)), expected)
    np.testing.assert_array_equal(
        exclusion.restore_rows(tf.constant(excluded)), np.sum(~expected, axis=1)
    )


def test_ordering_is_undone():
    ids, others = tf.constant([3, 1, 2, 1]), tf.constant([2, 9, 1])
    exclusion = make_exclusion(ids, others, None)
    np.testing.assert_array_equal(exclusion.restore_rows(exclusion.order_rows(ids)), ids)
    restored = exclusion.restore_columns(exclusion.order_columns(others))
    np.testing.assert_array_equal(restored, others)


def test_a_block_of_a_sorted_batch_looks_at_its_own_items_only():
    ids = tf.random.shuffle(tf.range(100))
    exclusion = make_exclusion(ids, ids, None)
    first, last = exclusion.strip(20, 30)
    assert (int(first), int(last)) == (20, 30)


def test_nothing_is_excluded_without_ids_and_mask():
    exclusion = make_exclusion(None, None, None)
    assert exclusion.strip(0, 4) == (0, 0)
    valid, count = exclusion.valid(0, 4)
    assert valid.shape == (4, 0)
    assert not np.any(count)

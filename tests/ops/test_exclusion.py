import hypothesis
import hypothesis.strategies as st
import numpy as np
import tensorflow as tf

from tfrs_ext.ops.exclusion import count_others, make_exclusion
from tfrs_ext.ops.spans import Span


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(
    row_ids=st.lists(st.integers(-3, 6), min_size=1, max_size=12),
    candidate_ids=st.lists(st.integers(-3, 6), min_size=1, max_size=12),
    as_strings=st.booleans(),
    with_mask=st.booleans(),
    block=st.integers(1, 5),
)
def test_all_blocks_say_what_comparing_all_pairs_says(
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
    for start in range(0, rows, block):
        parts = exclusion.parts(Span(start, min(start + block, rows)))
        found = [part.of(tf.constant(order)).numpy() for part in parts]
        assert sorted(np.concatenate(found)) == list(range(columns))
        for part, positions in zip(parts, found, strict=True):
            if part.valid is not None:
                actual[start : start + block, positions] = part.valid.numpy()
    np.testing.assert_array_equal(exclusion.restore_rows(tf.constant(actual)), expected)


def test_order_and_rotation_are_undone():
    ids, others = tf.constant([3, 1, 2, 1]), tf.constant([2, 9, 1])
    exclusion = make_exclusion(ids, others, None)
    np.testing.assert_array_equal(exclusion.restore_rows(exclusion.order_rows(ids)), ids)
    ordered = exclusion.order_columns(others)
    np.testing.assert_array_equal(exclusion.restore_columns(ordered[:3]), others)
    for start in range(4):
        parts = exclusion.parts(Span(start, start + 1))
        rotated = tf.concat([part.of(ordered) for part in parts], axis=0)
        back = exclusion.rotate_back(rotated[None], parts)[0]
        np.testing.assert_array_equal(exclusion.restore_columns(back), others)


def test_a_block_of_a_sorted_batch_looks_at_its_own_items_only():
    ids = tf.random.shuffle(tf.range(100))
    strip, _ = make_exclusion(ids, ids, None).parts(Span(20, 30))
    np.testing.assert_array_equal(strip.of(tf.range(200)), np.arange(20, 30))


def test_largest_and_least_ids_are_found():
    ids = tf.constant([np.iinfo(np.int64).max, 0, np.iinfo(np.int64).min, 0])
    np.testing.assert_array_equal(count_others(ids, ids), [3.0, 2.0, 3.0, 2.0])


def test_nothing_is_excluded_without_ids_and_mask():
    (part,) = make_exclusion(None, None, None).parts(Span(0, 4))
    assert part.columns is None
    assert part.valid is None

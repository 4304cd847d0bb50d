import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.ops.known_positives import not_known


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(
    candidates=st.lists(st.integers(0, 6), max_size=12),
    known=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(-1, 6), min_size=width, max_size=width), min_size=1, max_size=5
        )
    ),
    kind=st.sampled_from([np.int32, np.int64, str]),
)
def test_it_says_what_comparing_all_pairs_says(candidates, known, kind):
    def as_ids(values):
        if kind is not str:
            return np.array(values, kind)
        return np.vectorize(lambda value: "" if value < 0 else str(value), [object])(values)

    ids = as_ids(candidates) if candidates else np.array([], object if kind is str else kind)
    free = not_known(tf.constant(ids, tf.string if kind is str else None), as_ids(known))
    expected = [[candidate not in row for candidate in candidates] for row in known]
    np.testing.assert_array_equal(free, np.reshape(expected, [len(known), len(candidates)]))


@pytest.mark.parametrize("padding", [-1, ""])
def test_padding_equals_no_candidate(padding):
    ids = tf.constant([padding])
    assert not_known(ids, ids[None]).numpy().all()


def test_it_traces_with_unknown_shapes():
    function = tf.function(
        not_known,
        input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, None], tf.int64)],
    )
    np.testing.assert_array_equal(
        function(tf.constant([5, 7, 5], tf.int64), tf.constant([[7, -1], [5, 9]], tf.int64)),
        [[True, False, True], [False, True, False]],
    )

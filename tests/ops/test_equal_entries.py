import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tfrs_ext.ops.equal_entries import count_before, sum_equal

ENTRIES = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(-2, 4)
)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(ENTRIES)
def test_equal_entries_are_counted_and_summed_as_by_loops(entries):
    values = np.arange(entries.size, dtype=np.int32).reshape(entries.shape)
    earlier, sums = count_before(tf.constant(entries)), sum_equal(entries, tf.constant(values))
    for row in range(len(entries)):
        listed = entries[row].tolist()
        assert earlier[row].numpy().tolist() == [listed[:i].count(e) for i, e in enumerate(listed)]
        expected = [values[row][entries[row] == entry].sum() for entry in listed]
        assert sums[row].numpy().tolist() == expected

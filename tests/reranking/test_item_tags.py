import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.reranking import ItemTags

TAGS = [["a"], ["a", "b"], [], ["c", "d", "a"], ["d"]]


@pytest.mark.parametrize("width", [3, 12])
def test_few_and_many_wanted_tags_are_looked_for_alike(width):
    tags = ItemTags(TAGS, 5)
    positions = np.array([[0, 1, 2, 3, 4, -1]] * 4, np.int32)
    allow = [["a"], ["b", "d"], [], ["nothing"]]
    deny = [["b"], [], ["a"], []]

    def pad(rows):
        return tf.constant([[*row, *[""] * (width - len(row))] for row in rows])

    found = tags.passes(tf.constant(positions), pad(allow), pad(deny)).numpy()
    for row in range(4):
        expected = [
            (not allow[row] or bool({*allow[row]} & {*item})) and not {*deny[row]} & {*item}
            for item in TAGS
        ]
        assert found[row].tolist() == [*expected, False]


def test_no_wanted_tags_and_no_items_are_answered():
    tags = ItemTags(TAGS, 5)
    nothing = tf.zeros([2, 0], tf.string)
    assert tags.passes(tf.constant([[0], [2]]), nothing, nothing).numpy().tolist() == [[True]] * 2
    assert tags.passes(tf.zeros([2, 0], tf.int32), nothing, nothing).shape == (2, 0)

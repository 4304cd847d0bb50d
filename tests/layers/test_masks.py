"""A mask is a tensor, an array or a list, alone or in the list of several inputs' masks."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.layers import AUGRU, DINAttention, HistoryPooling, InterestExtractor

SEQUENCE = tf.random.stateless_normal([3, 4, 2], [1, 2])
KEPT = np.array([[False, True, True, True], [False, False, True, True], [False] * 4])
SCORES = tf.constant(np.linspace(0.1, 0.9, 12).reshape(3, 4), tf.float32)


def attend(layer, mask):
    return layer([SEQUENCE[:, 0], SEQUENCE], mask=mask)


def follow(layer, mask):
    return layer([SEQUENCE, SCORES], mask=mask)


def extract(layer, mask):
    outputs = layer([SEQUENCE, -SEQUENCE], mask=mask)
    return tf.concat([tf.reshape(outputs, [-1]), [tf.add_n(layer.losses)]], 0)


def pool(layer, mask):
    return layer(SEQUENCE, mask=mask)


LAYERS = {
    "DINAttention": (lambda: DINAttention((3,), "relu"), attend, [None, KEPT]),
    "AUGRU": (lambda: AUGRU(2), follow, [KEPT, None]),
    "InterestExtractor": (lambda: InterestExtractor(2), extract, [KEPT, None]),
    "HistoryPooling": (HistoryPooling, pool, [KEPT]),
}


@pytest.mark.parametrize("name", list(LAYERS))
def test_every_form_of_a_mask_is_the_same_mask(name):
    make, call, several = LAYERS[name]
    layer = make()
    expected = call(layer, tf.constant(KEPT))
    for mask in (KEPT, KEPT.tolist(), several):
        np.testing.assert_array_equal(call(layer, mask), expected)
    assert np.any(call(layer, np.ones_like(KEPT)) != expected)


@pytest.mark.parametrize("name", list(LAYERS))
def test_an_array_of_another_length_is_refused(name):
    make, call, _ = LAYERS[name]
    with pytest.raises(ValueError, match=r"`mask` must have the batch and the length of the seq"):
        call(make(), np.ones([3, 5], bool))

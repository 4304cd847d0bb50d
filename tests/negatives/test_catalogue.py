import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.negatives import Catalogue

ITEMS = {
    "item": np.array(["b", "a", "ü"], object),
    "price": [1.5, 2.0, 0.1],
    "words": [[1, 2], [3, -1], [4, 5]],
}


def test_gives_rows_of_raw_features():
    features = Catalogue(ITEMS, "item").features(tf.constant([2, 0, 2]))
    assert [t.dtype for t in features.values()] == [tf.string, tf.float32, tf.int64]
    np.testing.assert_array_equal(features["item"], ["ü".encode(), b"b", "ü".encode()])
    np.testing.assert_array_equal(features["words"], [[4, 5], [1, 2], [4, 5]])


def test_ids_alone_are_what_a_tower_of_ids_takes():
    np.testing.assert_array_equal(Catalogue([5, 3]).features(tf.constant([1])), [3])


def test_finds_the_rows_of_ids():
    positions, known = Catalogue([30, -7, 5]).positions(tf.constant([5, 6, 30, -7], tf.int32))
    np.testing.assert_array_equal(known, [True, False, True, True])
    np.testing.assert_array_equal(tf.boolean_mask(positions, known), [2, 0, 1])


def test_a_pandas_frame_will_do():
    frame = pd.DataFrame({"item": [4, 2], "name": ["x", "y"]}, index=[7, 9])
    features = Catalogue(frame, "item").features(tf.constant([1]))
    np.testing.assert_array_equal(features["item"], [2])
    np.testing.assert_array_equal(features["name"], [b"y"])


@pytest.mark.parametrize("arguments", [(ITEMS, "item"), (["b", "a"],), ([3, 1],)])
def test_config_through_json(arguments):
    catalogue = Catalogue(*arguments)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(catalogue)))
    again = keras.saving.deserialize_keras_object(config)
    assert len(again) == len(catalogue)
    rows = tf.range(len(catalogue))
    for a, b in zip(
        tf.nest.flatten(again.features(rows)),
        tf.nest.flatten(catalogue.features(rows)),
        strict=True,
    ):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("items", "item_id", "message"),
    [
        ({**ITEMS, "price": [1.0]}, "item", "`items` must have 3 rows in every column, .* 'price'"),
        ({"item": []}, "item", r"`items\['item'\]` must be one axis of at least one id"),
        ({"item": [1, 1]}, "item", r"`items\['item'\]` must be unique, received repeats of \[1\]"),
        (ITEMS, "id", "`item_id` must be a column of `items`, one of .* received 'id'"),
        (ITEMS, None, "`item_id` must be a column of `items`, .* received None"),
    ],
)
def test_rejects(items, item_id, message):
    with pytest.raises(ValueError, match=message):
        Catalogue(items, item_id)

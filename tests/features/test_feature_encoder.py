"""FeatureEncoder and HistoryPooling."""

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tfrs_ext.features import Categorical, FeatureEncoder, History, Numeric, Text, Timestamp
from tfrs_ext.layers import HistoryPooling

FEATURES = [
    Categorical("user_id", (10, 20, 30)),
    Categorical("gender", ("F", "M")),
    Numeric("age", mean=30.0, std=10.0),
    Text("title", ("toy", "story", "élan")),
    Timestamp("when", minimum=86_400, maximum=86_400 * 11),
    History("history", (1, 2, 3), length=4),
]
BATCH = {
    "user_id": np.array([10, 30, 99], np.int64),
    "gender": np.array(["M", "F", "?"]),
    "age": np.array([40.0, 20.0, 30.0], np.float32),
    "title": np.array(["Toy Story", "ÉLAN-toy!", ""]),
    "when": np.array([86_400, 86_400 * 6, 86_400 * 99], np.int64),
    "history": np.array([[-1, -1, 1, 2], [-1, -1, -1, -1], [1, 2, 3, 7]], np.int64),
}


def encode(feature, values, width=2):
    encoder = FeatureEncoder([feature], width)
    return encoder, encoder({feature.name: tf.constant(values)}).numpy()


def test_encoder_is_a_keras_layer_in_full_standing(tmp_path):
    run_layer_test(lambda: FeatureEncoder(FEATURES, 4), BATCH, tmp_path)


def test_unknown_ids_share_one_embedding_and_known_ones_have_their_own():
    _, rows = encode(Categorical("id", (10, 20)), np.array([10, 20, 7, 8, 10]))
    np.testing.assert_array_equal(rows[2], rows[3])
    np.testing.assert_array_equal(rows[0], rows[4])
    assert len({tuple(row) for row in rows}) == 3


def test_numbers_are_standardised():
    _, rows = encode(Numeric("age", mean=30.0, std=10.0), np.array([40.0, 25.0]))
    np.testing.assert_allclose(rows, [[1.0], [-0.5]])


def test_text_is_the_mean_over_its_words_whatever_their_case():
    encoder, rows = encode(
        Text("title", ("toy", "élan")), np.array(["Toy", "ÉLAN", "toy, élan", "nothing known", ""])
    )
    np.testing.assert_allclose(rows[2], (rows[0] + rows[1]) / 2, rtol=1e-6)
    unknown = encoder.encoders[0].embedding.embeddings.numpy()[0]
    np.testing.assert_allclose(rows[3], unknown, rtol=1e-6)
    np.testing.assert_array_equal(rows[4], [0.0, 0.0])


def test_timestamps_give_age_and_phases_to_the_second():
    noon_of_day_6 = 86_400 * 6 + 43_200
    _, rows = encode(Timestamp("t", minimum=0, maximum=86_400 * 10), np.array([noon_of_day_6]))
    week = 2 * np.pi * (noon_of_day_6 % 604_800) / 604_800
    expected = [0.65, np.sin(np.pi), np.cos(np.pi), np.sin(week), np.cos(week)]
    np.testing.assert_allclose(rows[0], expected, atol=1e-6)


def test_an_empty_history_is_zero_and_padding_counts_for_nothing():
    _, rows = encode(
        History("h", (1, 2), length=3), np.array([[-1, -1, -1], [-1, -1, 1], [-1, 1, 1]])
    )
    np.testing.assert_array_equal(rows[0], [0.0, 0.0])
    np.testing.assert_allclose(rows[1], rows[2], rtol=1e-6)


def test_histories_of_strings_pad_with_the_empty_string():
    _, rows = encode(History("h", ("a", "b"), length=2), np.array([["", "a"], ["a", "a"]]))
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-6)


def test_a_batch_without_a_column_is_refused_by_name():
    with pytest.raises(ValueError, match=r"must hold the columns \['age'\]"):
        FeatureEncoder([Numeric("age")], 2)({"other": tf.constant([1.0])})


@pytest.mark.parametrize(
    ("features", "width", "message"),
    [
        ([], 2, "`features`"),
        ([Numeric("a"), Numeric("a")], 2, "`features`"),
        ([Numeric("a")], 0, "`embedding_dim` must be positive, received 0"),
    ],
)
def test_bad_arguments_are_refused_by_name(features, width, message):
    with pytest.raises(ValueError, match=message):
        FeatureEncoder(features, width)


def test_pooling_weights_positions_by_their_softmax_over_what_is_there():
    layer = HistoryPooling()
    inputs = np.array([[[1.0], [10.0], [100.0]]], np.float32)
    layer(inputs, mask=tf.ones([1, 3], tf.bool))
    layer.set_weights([np.array([5.0, 0.0, np.log(3.0)], np.float32)])
    pooled = layer(inputs, mask=tf.constant([[False, True, True]]))
    np.testing.assert_allclose(pooled, [[10.0 / 4 + 100.0 * 3 / 4]], rtol=1e-6)


def test_pooling_rows_of_vectors_is_pooling_the_vectors_themselves():
    layer, vectors = HistoryPooling(), np.random.default_rng(0).normal(size=(5, 3))
    rows, mask = np.array([[0, 4, 4], [2, 1, 0]]), np.array([[False, True, True], [True] * 3])
    pooled = layer([vectors.astype(np.float32), tf.constant(rows)], mask=tf.constant(mask))
    expected = [(vectors[4] + vectors[4]) / 2, vectors[[2, 1, 0]].mean(0)]
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


def test_pooling_refuses_an_unknown_length():
    with pytest.raises(ValueError, match="must have a known length"):
        HistoryPooling().build(tf.TensorShape([None, None, 4]))


@pytest.mark.parametrize("name", ["release year", "prix (€)", "年", "_hidden", "-"])
def test_columns_may_have_names_that_graphs_refuse(name):
    encoder = FeatureEncoder([Categorical(name, (1, 2)), Numeric("n")], 2)
    inputs = {name: tf.constant([1, 2], tf.int64), "n": tf.constant([0.0, 1.0])}
    in_graph = tf.function(encoder)(inputs)  # Variables are made in the graph, under its names.
    np.testing.assert_allclose(in_graph, encoder(inputs), rtol=1e-6)

"""Vocabularies come in many forms, and some can never match."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, FeatureEncoder, History, Numeric, Text, Timestamp


@pytest.mark.parametrize(
    "values", [[3, 5], np.array([3, 5], np.int32), pd.Series([3, 5]), range(3, 6, 2)], ids=repr
)
def test_vocabularies_of_integers(values):
    assert Categorical("x", values) == Categorical("x", (3, 5))
    assert History("x", values).vocabulary == (3, 5)


@pytest.mark.parametrize("values", [["a", "é"], [b"a", "é".encode()], pd.Index(["a", "é"])])
def test_vocabularies_of_strings(values):
    assert Categorical("x", values) == Categorical("x", ("a", "é"))
    assert Text("x", values).vocabulary == ("a", "é")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"], r"integers alone or strings alone, received 1 of type int"),
        ([1.5, 2.0], r"received 1\.5 of type float"),
        (["a", None], r"received None of type NoneType"),
        ([True, False], r"received True of type bool"),
        ([3, 5, 3], r"`vocabulary` of the feature 'x' must hold each value once, received 3"),
    ],
)
def test_other_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Categorical("x", values)


def test_an_empty_vocabulary_knows_nothing():
    for feature, cells in ((Categorical("x"), ["a", ""]), (Text("x"), ["a", "b"])):
        encoded = FeatureEncoder([feature], 3)({"x": tf.constant(cells)}).numpy()
        np.testing.assert_array_equal(encoded[0], encoded[1])


@pytest.mark.parametrize("word", ["Comedy", "sci-fi", "", "two words", "ÉLAN"])
def test_words_that_no_text_has_are_refused(word):
    with pytest.raises(ValueError, match=rf"'x' must hold lower-case words .*received '{word}'"):
        Text("x", ("toy", word))
    assert Text("x", ("élan", "東京", "7")).vocabulary


def test_the_padding_of_a_history_can_be_stated():
    layer = History("x", (1, 2), length=2, padding=0).encoder(3)
    rows = layer(tf.constant([[0, 1], [1, 1], [0, 0]], tf.int64)).numpy()
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-6)
    np.testing.assert_array_equal(rows[2], [0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary": (0, 1), "padding": 0}, "must not hold the padding, received 0 in both"),
        ({"vocabulary": (-1, 1)}, "must not hold the padding, received -1 in both"),
        ({"vocabulary": ("a",), "padding": 0}, "of the type of its vocabulary, received 0 beside"),
        ({"length": 0}, "`length` must be at least 1, received length=0"),
    ],
)
def test_histories_that_can_t_be_told_from_padding_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        History("x", **arguments)


@pytest.mark.parametrize(
    "facts", [{"std": 0.0}, {"std": -1.0}, {"std": np.nan}, {"mean": np.nan}, {"mean": np.inf}]
)
def test_numbers_that_can_t_be_standardised_are_refused(facts):
    with pytest.raises(ValueError, match="'x' must have a finite `mean` and a positive `std`"):
        Numeric("x", **facts)


def test_times_from_late_to_early_are_refused():
    with pytest.raises(ValueError, match="`minimum` up to its `maximum`, received 5 and 3"):
        Timestamp("x", 5, 3)


def test_a_cell_without_a_number_counts_as_the_mean():
    encoded = Numeric("x", 3.0, 2.0).encoder(4)(tf.constant([np.nan, 3.0, 5.0]))
    np.testing.assert_array_equal(encoded, [[0.0], [0.0], [1.0]])


@pytest.mark.parametrize(
    ("numbers", "reading"),
    [
        ([20200913, 19991231], r"dates such as 20200913.*format='%Y%m%d'"),
        ([20200913.0, np.nan], r"dates such as 20200913"),
        ([20200913235959, 20200914000000], r"moments such as 20200913235959.*%Y%m%d%H%M%S"),
        ([44087, 45000.5], r"day numbers of a spreadsheet.*origin='1899-12-30'"),
        ([1994, 2021], r"years.*numeric"),
        ([1600000000000, 1600000001000], r"milliseconds.*1600000000000 in row 0.*unit='ms'"),
        ([1600000000000000] * 2, r"microseconds.*unit='us'"),
        ([1600000000000000000] * 2, r"nanoseconds.*unit='ns'"),
    ],
)
def test_numbers_that_are_no_seconds_are_refused_with_the_likely_reading(numbers, reading):
    with pytest.raises(ValueError, match=rf"x must be in seconds since 1970.*{reading}"):
        Timestamp.convert(pd.Series(numbers), "x")


@pytest.mark.parametrize(
    "numbers", [[0, 1, 2], [20200913, 20201399], [5, 44087], [1600000000, 1600000001], [], [np.nan]]
)
def test_other_numbers_are_seconds(numbers):
    converted = Timestamp.convert(pd.Series(numbers, dtype=float), "x")
    assert converted.dropna().tolist() == [n for n in numbers if n == n]


def test_one_moment_in_another_unit_is_named():
    with pytest.raises(ValueError, match=r"up to the year 5138, received 16000.* in row 1\. Bring"):
        Timestamp.convert(pd.Series([1600000000, 1600000000000]), "x")


def test_unknown_ids_learn_where_a_share_of_the_known_ones_is_taken_for_unknown():
    feature = Categorical("x", ("a", "b"), unknown_rate=0.25)
    layer = feature.encoder(3)
    values = tf.fill([4000], "a")
    encoded = layer(values)
    unknown, a, _ = layer.embedding.embeddings.numpy()
    np.testing.assert_array_equal(encoded, np.tile(a, [4000, 1]))
    trained = layer(values, training=True).numpy()
    dropped = np.all(trained == unknown, axis=1)
    assert 0.2 < dropped.mean() < 0.3
    np.testing.assert_array_equal(trained[~dropped], np.tile(a, [(~dropped).sum(), 1]))


def test_the_share_of_unknown_ids_reaches_the_encoder_in_training():
    keras.utils.set_random_seed(1)
    encoder = FeatureEncoder([Categorical("x", ("a", "b"), unknown_rate=0.5)], 3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(encoder({"x": tf.fill([50], "a")}, training=True))
    (table,) = encoder.trainable_variables
    assert 0 in tape.gradient(loss, table).indices.numpy()
    with pytest.raises(
        ValueError, match="`unknown_rate` must be at least 0 and below 1, received unk"
    ):
        Categorical("x", unknown_rate=1.0)

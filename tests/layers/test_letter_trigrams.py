"""LetterTrigrams: counts, known and hashed columns, sparse all the way, saved and served."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import run_layer_test
from tests.oracles import trigrams as oracle
from tfrs_ext._keras import keras
from tfrs_ext.layers import LetterTrigrams

TEXTS = ["Good food", "", "the goodness of FOOD, the food", "é 7"]
KNOWN = ("#go", "goo", "ood", "od#", "the")


def dense(counts):
    return tf.sparse.to_dense(counts).numpy()


class Bag(keras.layers.Layer):
    """The product of the counts and a kernel: what follows the layer in a tower."""

    def __init__(self, trigrams=None, **kwargs):
        super().__init__(**kwargs)
        self.trigrams = trigrams or LetterTrigrams(KNOWN)
        self.dense = keras.layers.Dense(3, dtype="float32")

    def call(self, texts):
        return self.dense(self.trigrams(texts))

    def get_config(self):
        trigrams = keras.saving.serialize_keras_object(self.trigrams)
        return {**super().get_config(), "trigrams": trigrams}

    @classmethod
    def from_config(cls, config):
        trigrams = keras.saving.deserialize_keras_object(config["trigrams"])
        return cls(**{**config, "trigrams": trigrams})


def test_keras_contract(tmp_path):
    make = lambda: Bag(LetterTrigrams(KNOWN, num_buckets=8))  # noqa: E731
    with keras.saving.custom_object_scope({"Bag": Bag}):
        run_layer_test(make, np.array(TEXTS), tmp_path)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("goGOdté #", max_size=12), max_size=5))
def test_counts_are_those_of_the_oracle(texts):
    found = dense(LetterTrigrams(KNOWN)(tf.constant(texts, tf.string)))
    assert found.shape == (len(texts), 1 + len(KNOWN))
    for row, text in zip(found, texts, strict=True):
        counts = Counter(oracle.trigrams(text))
        known = [counts.pop(piece, 0) for piece in KNOWN]
        assert row.tolist() == [sum(counts.values()), *known]


def test_a_product_is_that_of_the_dense_counts_and_its_gradient_is_sparse():
    counts = LetterTrigrams(num_buckets=1000)(tf.constant(TEXTS))
    layer = keras.layers.Dense(4)
    with tf.GradientTape() as tape:
        out = layer(counts)
        loss = tf.reduce_sum(out * out)
    gradient = tape.gradient(loss, layer.kernel)
    matrix, kernel = dense(counts).astype(np.float64), layer.kernel.numpy().astype(np.float64)
    np.testing.assert_allclose(out, matrix @ kernel, rtol=1e-5, atol=1e-6)
    assert isinstance(gradient, tf.IndexedSlices)
    expected = matrix.T @ (2 * matrix @ kernel)
    np.testing.assert_allclose(tf.convert_to_tensor(gradient), expected, rtol=1e-5, atol=1e-5)


def test_every_trigram_falls_into_one_bucket_whatever_its_batch():
    layer = LetterTrigrams(num_buckets=64)
    together = dense(layer(tf.constant(TEXTS)))
    assert together.sum(axis=1).tolist() == [len(oracle.trigrams(text)) for text in TEXTS]
    alone = np.concatenate([dense(layer(tf.constant([text]))) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)
    assert (together > 0).any(axis=0).sum() > 10


def test_buckets_beside_a_vocabulary_take_what_it_lacks():
    layer = LetterTrigrams(KNOWN, num_buckets=8)
    found = dense(layer(tf.constant(["good zebra"])))[0]
    assert found[8:].tolist() == [1, 1, 1, 1, 0]
    assert found[:8].sum() == len(oracle.trigrams("zebra"))
    assert layer.output_width == 13


@pytest.mark.parametrize(
    "wrap", [np.array, lambda t: tf.data.Dataset.from_tensor_slices(t).batch(3)]
)
def test_adapt_takes_all_trigrams_frequent_ones_first(wrap):
    layer = LetterTrigrams()
    layer.adapt(wrap(TEXTS))
    counts = Counter(piece for text in TEXTS for piece in oracle.trigrams(text))
    assert set(layer.vocabulary) == set(counts)
    assert [counts[piece] for piece in layer.vocabulary] == sorted(counts.values(), reverse=True)
    again = LetterTrigrams.from_config(layer.get_config())
    np.testing.assert_array_equal(
        dense(again(tf.constant(TEXTS))), dense(layer(tf.constant(TEXTS)))
    )
    layer.adapt(wrap(TEXTS), max_tokens=2)
    assert len(layer.vocabulary) == 2
    assert set(layer.vocabulary) < {"ood", "od#"} | set(KNOWN)


def test_columns_of_width_one_and_batches_of_none():
    layer = LetterTrigrams(KNOWN)
    np.testing.assert_array_equal(
        dense(layer(tf.constant(TEXTS)[:, tf.newaxis])), dense(layer(tf.constant(TEXTS)))
    )
    none = layer(tf.zeros([0], tf.string))
    assert dense(none).shape == (0, 6)
    assert keras.layers.Dense(2)(none).shape == (0, 2)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: LetterTrigrams(num_buckets=0), "`num_buckets` must be positive"),
        (lambda: LetterTrigrams(("good",)), "strings of three letters.* received 'good'"),
        (lambda: LetterTrigrams((1, 2)), "strings of three letters.* received 1"),
        (lambda: LetterTrigrams(("goo", "goo")), "each trigram once, received 'goo'"),
        (lambda: LetterTrigrams()(tf.constant(["a"])), "must have a vocabulary, or several"),
        (lambda: LetterTrigrams(KNOWN)(tf.constant([1])), "must be strings of shape"),
        (lambda: LetterTrigrams(KNOWN)(tf.constant([["a", "b"]])), "must be strings of shape"),
        (lambda: LetterTrigrams().adapt(["", "!"]), "must hold a letter or a digit"),
    ],
)
def test_what_cannot_be_meant_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()

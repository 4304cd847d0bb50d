"""Columns of texts as letter trigrams."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tests.harness import run_layer_test
from tests.oracles import trigrams as oracle
from tfrs_ext.features import Feature, FeatureEncoder, Trigrams

TITLES = pd.Series(["Good goods", "goal", None, "Zoo"])


@pytest.mark.slow
def test_encoder_is_a_keras_layer_in_full_standing(tmp_path):
    feature = Trigrams.fit("title", TITLES, num_buckets=3)
    batch = {"title": np.array(["good", "", "a zebra"])}
    run_layer_test(lambda: FeatureEncoder([feature], 4), batch, tmp_path)


def test_a_row_is_the_sum_of_its_trigrams_as_often_as_they_occur():
    feature = Trigrams.fit("title", TITLES, min_count=2)
    assert feature.vocabulary == ("#go",)
    layer = feature.encoder(3)
    encoded = layer(feature.to_array(TITLES)).numpy()
    unknown, begin = layer.embedding.kernel.numpy()
    for row, text in zip(encoded, TITLES.fillna(""), strict=True):
        counts = Counter(oracle.trigrams(text))
        first = counts.pop("#go", 0)
        np.testing.assert_allclose(row, first * begin + sum(counts.values()) * unknown, atol=1e-6)


def test_all_trigrams_are_taken_where_none_occurs_twice_and_options_come_from_the_schema():
    feature = Trigrams.fit("title", pd.Series(["abc", "xyz"]), min_count=2)
    assert set(feature.vocabulary) == set(oracle.trigrams("abc xyz"))
    assert Feature.of_kind("trigrams") is Trigrams
    assert Feature.from_config(feature.get_config()) == feature


def test_a_column_without_a_word_can_be_embedded():
    feature = Trigrams.fit("title", pd.Series([None, "", "!"]))
    assert feature.vocabulary == ()
    encoded = feature.encoder(2)(np.array(["", "good"])).numpy()
    assert not encoded[0].any()
    assert encoded[1].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocabulary": ("good",)}, "strings of three letters"),
        ({"vocabulary": ("goo", "goo")}, "'title' must hold each value once"),
        ({"num_buckets": 0}, "`num_buckets` must be positive"),
    ],
)
def test_bad_facts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Trigrams("title", **arguments)

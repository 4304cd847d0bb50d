"""Columns of several categories."""

import numpy as np
import pandas as pd
import pytest

from tests.harness import run_layer_test
from tfrs_ext.features import Categories, FeatureEncoder

TEXTS = ["Action|Comedy", "Comedy", None, " Drama |Comedy|"]
LISTS = [["Action", "Comedy"], np.array(["Comedy"]), None, ("Drama", "Comedy")]


def test_encoder_is_a_keras_layer_in_full_standing(tmp_path):
    feature = Categories("genres", ("Action", "Comedy"))
    batch = {"genres": np.array(["Action|Comedy", "", "Noir"])}
    run_layer_test(lambda: FeatureEncoder([feature], 4), batch, tmp_path)


@pytest.mark.parametrize("cells", [TEXTS, LISTS])
def test_a_row_is_the_mean_of_its_categories(cells):
    column = Categories.convert(pd.Series(cells), "items['genres']")
    feature = Categories.fit("genres", column)
    assert feature.vocabulary == ("Comedy", "Action", "Drama")
    layer = feature.encoder(3)
    encoded = layer(np.array([*feature.to_array(column), "Noir", "action|Comedy"])).numpy()
    unknown, comedy, action, drama = layer.embedding.embeddings.numpy()
    expected = [(action + comedy) / 2, comedy, 0 * comedy, (drama + comedy) / 2, unknown]
    np.testing.assert_allclose(encoded, [*expected, (unknown + comedy) / 2], atol=1e-6)


def test_numbers_in_lists_are_categories_too():
    column = Categories.convert(pd.Series([[3, 5], [5], []]), "x")
    feature = Categories.fit("x", column)
    assert feature.vocabulary == ("5", "3")
    assert feature.to_array(column).tolist() == ["3|5", "5", ""]


def test_separators_and_rare_categories_are_options():
    column = Categories.convert(pd.Series(["a, b", "b, c|d", "b"]), "x")
    assert Categories.fit("x", column, separator=",").vocabulary == ("b", "a", "c|d")
    assert Categories.fit("x", column, separator=",", min_count=2).vocabulary == ("b",)


def test_a_category_with_the_separator_in_it_is_refused():
    column = Categories.convert(pd.Series([["AC|DC"]]), "x")
    with pytest.raises(
        ValueError, match=r"column 'x' must not hold the separator '\|', .*'AC\|DC'"
    ):
        Categories.fit("x", column)
    with pytest.raises(ValueError, match=r"`vocabulary` of the feature 'x' must not hold the sep"):
        Categories("x", ("AC|DC",))
    with pytest.raises(ValueError, match="`separator` must have at least one character"):
        Categories("x", separator="")

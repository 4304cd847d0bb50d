"""Columns of vectors."""

import numpy as np
import pandas as pd
import pytest

from tests.harness import run_layer_test
from tfrs_ext.features import FeatureEncoder, Vector

ROWS = [[1.0, 2.0, 7.0], [3.0, -2.0, 7.0], [2.0, 3.0, 7.0]]


def test_encoder_is_a_keras_layer_in_full_standing(tmp_path):
    feature = Vector.fit("image", pd.Series(ROWS))
    run_layer_test(lambda: FeatureEncoder([feature], 4), {"image": np.float32(ROWS)}, tmp_path)


def test_vectors_are_centred_scaled_by_one_number_and_projected():
    feature = Vector.fit("image", pd.Series([*ROWS, None]))
    np.testing.assert_allclose(feature.mean, np.mean(ROWS, 0))
    centred = np.array(ROWS) - np.mean(ROWS, 0)
    assert feature.scale == pytest.approx(np.sqrt(np.mean(centred**2)))
    layer = feature.encoder(2)
    encoded = layer(np.float32([*ROWS, feature.missing, [np.nan] * 3])).numpy()
    kernel = layer.projection.kernel.numpy()
    np.testing.assert_allclose(encoded[:3], centred / feature.scale @ kernel, atol=1e-5)
    np.testing.assert_allclose(encoded[3:], 0.0, atol=1e-6)


def test_a_constant_column_can_be_scaled():
    assert Vector.fit("image", pd.Series([[1.0, 2.0]] * 3)).scale == 1.0


@pytest.mark.parametrize(
    "cells", [ROWS, [np.array(row) for row in ROWS], ["1 2 7", "[3, -2.0, 7]", "(2.,3.,7.)"]]
)
def test_cells_are_lists_arrays_or_texts(cells):
    column = Vector.convert(pd.Series([*cells, None]), "items['image']")
    array = Vector("image", 3, (4.0, 5.0, 6.0)).to_array(column)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, [*ROWS, [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([[1.0, 2.0], "one", None], r"x must hold vectors of finite numbers, received 'one' in ro"),
        ([[1.0, np.inf], [1.0, 2.0]], r"of finite numbers, received \[1\.0, inf\] in row 0"),
        ([[1, 2], [1, 2, 3], [1, 2]], r"most are of 2 numbers, received \[1, 2, 3\] in row 1"),
        ([[1, 2], [], [1, 2]], r"of finite numbers, received \[\] in row 1"),
        ([3.0, 4.0], r"must hold vectors"),
    ],
)
def test_other_cells_are_refused_with_their_row(cells, message):
    with pytest.raises(ValueError, match=message):
        Vector.convert(pd.Series(cells), "x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0}, "`width` must be a positive integer, received width=0"),
        ({"width": 2, "mean": (1.0,)}, "`mean` must have 2 numbers, received 1"),
        ({"scale": 0.0}, r"`scale` must be a positive number, received scale=0\.0"),
    ],
)
def test_bad_facts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Vector("image", **arguments)
    with pytest.raises(ValueError, match="must hold a vector in some training row"):
        Vector.fit("image", pd.Series([None, None]))

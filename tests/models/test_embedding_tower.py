"""A table as a tower: its rows, its bias, and what it refuses."""

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tfrs_ext import models
from tfrs_ext.features import Categorical, Numeric

ITEM = Categorical("item", (7, 8, 9))
IDS = {"item": tf.constant([9, 7, 5, 6], tf.int64)}


def table_of(tower):
    (table,) = tower.get_weights()
    return table.astype(np.float64)


def test_an_id_is_a_row_and_unknown_ids_share_the_first():
    tower = models.EmbeddingTower(ITEM, 4)
    np.testing.assert_array_equal(tower(IDS), table_of(tower)[[3, 1, 0, 0]].astype(np.float32))


def test_the_product_of_two_sides_is_theirs_and_both_biases():
    user = models.EmbeddingTower(Categorical("user", ("a", "b")), 4, bias="query")
    item = models.EmbeddingTower(ITEM, 4, bias="candidate")
    scores = tf.matmul(user({"user": tf.constant(["b", "a"])}), item(IDS), transpose_b=True)
    users, items = table_of(user)[[2, 1]], table_of(item)[[3, 1, 0, 0]]
    expected = users[:, :4] @ items[:, :4].T + users[:, 4:] + items[:, 4]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)


def test_rows_have_unit_length_if_asked_whatever_the_bias():
    tower = models.EmbeddingTower(ITEM, 4, bias="candidate", normalize=True)
    outputs = tower(IDS).numpy()
    np.testing.assert_allclose(np.linalg.norm(outputs[:, :4], axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(outputs[:, 4:], [[1, b] for b in tower(IDS)[:, 5]])


@pytest.mark.parametrize("bias", [None, "query", "candidate"])
def test_is_a_keras_model_in_every_way(bias, tmp_path):
    run_layer_test(lambda: models.EmbeddingTower(ITEM, 4, bias=bias), IDS, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Numeric("age"),), "`feature` must be a `features.Categorical`"),
        ((ITEM, 0), "`embedding_dim` must be positive, received embedding_dim=0"),
        ((ITEM, 4, "item"), "`bias` must be one of .*received bias='item'"),
    ],
)
def test_what_makes_no_table_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.EmbeddingTower(*arguments)

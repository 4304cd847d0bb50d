"""The softmax model: its loss over the whole catalogue, in float64."""

import numpy as np
import pytest

from tests.oracles.softmax import logsumexp
from tfrs_ext import losses, models
from tfrs_ext.features import Categorical, Numeric

ITEM = Categorical("item", tuple("abcde"))
ROWS = {
    "age": np.array([1.0, -1.0, 0.5], np.float32),
    "item": np.array(["b", "e", "b"]),
    "sample_weight": np.array([1.0, 2.0, 0.0], np.float32),
}


def make_model(**options):
    return models.SoftmaxModel.from_features([Numeric("age")], [ITEM], embedding_dim=3, **options)


def test_its_loss_is_the_weighted_cross_entropy_over_all_items():
    model = make_model(hidden_units=())
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    tower = model.query_model.projection
    kernel, bias = (weight.astype(np.float64) for weight in tower.get_weights())
    (decoder,) = model.candidate_model.get_weights()
    logits = (ROWS["age"][:, None] @ kernel + bias) @ decoder[1:].astype(np.float64).T
    rows = zip(logits, ROWS["item"], ROWS["sample_weight"], strict=True)
    losses_by_hand = [w * (logsumexp(row) - row["abcde".index(item)]) for row, item, w in rows]
    expected = np.sum(losses_by_hand) / 3
    np.testing.assert_allclose(model.compute_loss(ROWS, training=True), expected, rtol=1e-5)
    assert isinstance(model.task._loss, losses.FullSoftmax)


def test_items_are_known_by_their_ids_alone():
    model = models.SoftmaxModel.from_features([Numeric("age")], [ITEM, Numeric("year")])
    assert model.candidate_model.features == (ITEM,)
    assert models.SoftmaxModel.missing_columns([Numeric("age")], [Numeric("year")]) == [
        "a `Categorical` with the item id first"
    ]


def test_a_hidden_layer_of_no_width_is_refused():
    with pytest.raises(ValueError, match="`hidden_units` and `output_dim` must be positive"):
        make_model(hidden_units=(0,))

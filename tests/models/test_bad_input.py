"""Bad input is refused by name, and before a weight has changed."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models.test_ranking_models import KINDS, MODELS, columns, dataset
from tfrs_ext import layers
from tfrs_ext.features import Categorical, History
from tfrs_ext.layers import Cross, CrossMixture, CrossNetwork
from tfrs_ext.models import DCN, DIEN, MultiTask, TwoTower
from tfrs_ext.regularizers import MiniBatchAwareL2

SEQUENCE, SHORT = tf.zeros([2, 5, 4]), tf.ones([2, 4], tf.bool)
USER, ITEM = Categorical("user", tuple(range(6))), Categorical("item", tuple(range(10, 18)))


def read_by(model):
    return [feature.name for feature in model.features]


@pytest.mark.parametrize("name", KINDS)
def test_a_feature_that_the_batch_lacks(name):
    model = MODELS[name]()
    model.compile("sgd", "binary_crossentropy")
    lost = read_by(model)[-1]
    inputs = {key: value for key, value in columns().items() if key != lost}
    with pytest.raises(ValueError, match=rf"`inputs` must hold the columns \['{lost}'\]"):
        model.fit(dataset(inputs, np.ones(64)), verbose=0)


@pytest.mark.parametrize("lost", ["user", "item"])
@pytest.mark.parametrize("wrap", [lambda towers: towers, lambda towers: _with_a_ranker(towers)])
def test_a_feature_of_a_tower_that_the_batch_lacks(lost, wrap):
    model = wrap(TwoTower.from_features([USER], [ITEM], embedding_dim=2))
    model.compile("sgd")
    rows = {**columns(), "click": np.ones(64)}
    del rows[lost]
    with pytest.raises(ValueError, match=rf"`inputs` must hold the columns \['{lost}'\]"):
        model.fit(tf.data.Dataset.from_tensors(rows), verbose=0)


def _with_a_ranker(towers):
    return MultiTask(towers, {"click": DCN([USER, ITEM], 2, 1, ())})


@pytest.mark.parametrize("label", [2.0, -1.0])
@pytest.mark.parametrize("name", ["DCN-V2", "NeuMF"])
def test_labels_of_a_probability_outside_of_0_to_1(name, label):
    model = MODELS[name]()
    model.compile("sgd", "binary_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"`y` must be labels in \[0, 1\]"):
        model.fit(dataset(columns(), np.full(64, label)), verbose=0)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "call",
    [
        lambda: layers.DINAttention((4,))([SEQUENCE[:, 0], SEQUENCE], mask=SHORT),
        lambda: layers.AUGRU(4)([SEQUENCE, SEQUENCE[..., 0]], mask=SHORT),
        lambda: layers.InterestExtractor(4)(SEQUENCE, mask=SHORT),
        lambda: layers.HistoryPooling()(SEQUENCE, mask=SHORT),
        lambda: layers.Dice()(SEQUENCE, training=True, mask=SHORT),
    ],
    ids=["DINAttention", "AUGRU", "InterestExtractor", "HistoryPooling", "Dice"],
)
def test_a_mask_of_another_length_than_the_sequence(call):
    with pytest.raises(ValueError, match=r"`mask` must have .* received a mask of shape \(2, 4\)"):
        call()


def test_histories_of_another_length_than_the_feature_says():
    history = History("clicks", tuple(range(10, 18)), length=4)
    model = DCN([history], 2, 1, ())
    with pytest.raises(ValueError, match="must have the length that the layer was built with, 4"):
        model({"clicks": np.full([3, 5], 10)})
    # What attends, sums or follows takes any length.
    assert DIEN([ITEM, history], "item", 2, ())(
        {"item": np.full(3, 10), "clicks": np.full([3, 5], 10)}
    ).shape == [3, 1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: CrossMixture(6),
        lambda: CrossNetwork(2, projection_dim=6, num_experts=2),
    ],
)
def test_a_projection_larger_than_the_input(make):
    with pytest.raises(ValueError, match=r"`projection_dim` must be between 1 and .* 5"):
        make()(tf.zeros([2, 5]))


@pytest.mark.parametrize("make", [lambda: Cross(0), lambda: CrossNetwork(2, projection_dim=0)])
def test_a_projection_without_width(make):
    with pytest.raises(ValueError, match=r"`projection_dim` must be a positive integer"):
        make()(tf.zeros([2, 5]))


def test_negative_counts():
    with pytest.raises(ValueError, match="`counts` must be 3 numbers that are not negative"):
        MiniBatchAwareL2(3, counts=[1, -1, 2])

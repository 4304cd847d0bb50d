"""Factors by the names of layers: what they reach, what they freeze, and what is refused."""

import re

import numpy as np
import pytest
import tensorflow as tf

from tests.house import REPOSITORY
from tfrs_ext import models, optimizers
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical

PAGE = REPOSITORY / "docs" / "pretraining.md"
USER, ITEM, AGE = Categorical("user", (1, 2)), Categorical("item", (7, 8)), Categorical("age", (3,))


def two_tower():
    keras.utils.set_random_seed(1)
    return models.TwoTower.from_features([USER, AGE], [ITEM], embedding_dim=2, hidden_units=(3,))


def rows():
    columns = {"user": [1, 2], "age": [3, 3], "item": [7, 8]}
    return tf.data.Dataset.from_tensors({n: tf.constant(v, tf.int64) for n, v in columns.items()})


def test_the_longest_name_decides():
    model = two_tower()
    names = {
        "query_model": 0.5,
        "query_model/features": 0.25,
        "query_model/features/user/embedding/embeddings": 2.0,
        "candidate_model/": 0.0,
    }
    found = models.layerwise_rates(model, "adam", names).get_config()["factors"]

    def expected(path):
        if path.startswith("candidate_model"):
            return 0.0
        if path.startswith("query_model/features/user/"):
            return 2.0
        return 0.25 if path.startswith("query_model/features/") else 0.5

    paths = [
        next(p for p, shape in models.weight_paths(model).items() if _find(model, p) is weight)
        for weight in model.trainable_variables
    ]
    assert found == [expected(path) for path in paths]
    assert {*found} == {0.0, 0.25, 0.5, 2.0}


def _find(model, path):
    """The weight at a path, by walking attributes, not by the code under test."""
    tower, *rest = path.split("/")
    tower = getattr(model, tower)
    if rest[0] == "features":
        column = [feature.name for feature in tower.features].index(rest[1])
        return tower.encoder.encoders[column].embedding.embeddings
    layers = {"dense": tower.hidden[0].denses[0], "projection": tower.projection}
    layer = next((layer for name, layer in layers.items() if layer.name == rest[-2]), None)
    return (
        getattr(layer, rest[-1], None) if layer is not None else getattr(layers["dense"], rest[-1])
    )


def test_a_frozen_tower_stays_to_the_last_bit_through_fit_and_a_file(tmp_path):
    model = two_tower()
    before = model.candidate_model.get_weights()
    started = model.query_model.get_weights()
    slow = models.layerwise_rates(model, optimizers.LazyAdam(0.1), {"candidate_model": 0})
    model.compile(slow, run_eagerly=True)  # Tracing is slower.
    model.fit(rows(), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    for one, other in zip(before, loaded.candidate_model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(started, loaded.query_model.get_weights(), strict=True):
        assert not np.array_equal(one, other)
    assert loaded.optimizer.get_config()["factors"] == slow.get_config()["factors"]


def test_a_layer_that_two_parts_share_obeys_either_name():
    class Both(keras.Model):
        def __init__(self):
            super().__init__()
            shared = keras.layers.Dense(1, use_bias=False)
            self.parts = [keras.Sequential([shared], name=name) for name in ("one", "two")]

        def call(self, inputs):
            return self.parts[0](inputs) + self.parts[1](inputs)

    model = Both()
    model(tf.ones([1, 2]))
    for name in ("one", "two"):
        rates = models.layerwise_rates(model, "sgd", {name: 0.5})
        assert rates.get_config()["factors"] == [0.5]


@pytest.mark.parametrize("name", ["query_model/features/usr", "query", ""])
def test_a_name_that_leads_nowhere_is_refused(name):
    with pytest.raises(ValueError, match="must name layers that are trained, received"):
        models.layerwise_rates(two_tower(), "sgd", {name: 0.5})


@pytest.mark.slow
def test_the_page_on_pre_training_runs():
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(block, names)
    first, second = names["first"].query_model, names["second"].query_model
    frozen = (tower.encoder.encoders[0].embedding.embeddings for tower in (first, second))
    np.testing.assert_array_equal(*frozen)  # Stage two left what its factor of 0 names alone.
    learnt = [model.candidate_model.get_weights()[0] for model in (names["first"], names["second"])]
    assert not np.array_equal(*learnt)


def test_near_names_are_offered():
    with pytest.raises(ValueError, match="there are query_model/features/user"):
        models.layerwise_rates(two_tower(), "sgd", {"query_model/features/usr": 0.5})


def test_a_model_without_weights_is_refused():
    with pytest.raises(ValueError, match="`model` must have trainable weights"):
        models.layerwise_rates(keras.Sequential([keras.layers.Dense(1)]), "sgd", {})

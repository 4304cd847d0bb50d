"""The registry of retrievers, and one from outside the package."""

from types import MappingProxyType

import numpy as np
import pytest
import tensorflow as tf

from tests.tuning.draws import space_of
from tfrs_ext import models, negatives, tuning
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Numeric

USER, ITEM = Categorical("user_id", (1, 2, 3)), Categorical("item_id", (7, 8, 9))
SIDES = [USER, Numeric("age", 30.0, 10.0)], [ITEM]
CATALOGUE = negatives.Catalogue({"item_id": [7, 8, 9]}, "item_id")


@keras.saving.register_keras_serializable(package="shop")
class Narrow(models.TwoTower):
    """A two-tower model of one width, which needs a number."""

    usual_values = MappingProxyType({"loss": "full_softmax", "batch_size": 256})
    normalizes = False

    @classmethod
    def missing_columns(cls, query_features, candidate_features):
        return [] if any(isinstance(f, Numeric) for f in query_features) else ["a `Numeric`"]

    @classmethod
    def search_space(cls, hp, query_features, candidate_features):
        return {"embedding_dim": hp.Choice("embedding_dim", [4, 8], default=8)}


@pytest.fixture(autouse=True)
def registered():
    models.register_retriever("narrow", Narrow, hidden_units=())
    models.register_retriever("fixed", Narrow, lambda hp, *sides: {}, embedding_dim=3)
    yield
    del models.RETRIEVERS["narrow"], models.RETRIEVERS["fixed"]


def hypermodel(model="narrow", **options):
    counts = ([7, 8, 9], [3, 2, 1])
    return tuning.RetrievalHyperModel(*SIDES, counts, CATALOGUE, model, **options)


def test_a_model_from_outside_is_searched_trained_saved_and_loaded(tmp_path):
    hp = tuning.fixed({"embedding_dim": 4})
    model = hypermodel().build(hp)
    assert type(model) is Narrow
    assert hp.values["model"] == "narrow"
    assert model.query_model.get_config()["hidden_units"] == []
    assert model.task._temperature is None
    rng = np.random.default_rng(0)
    columns = {"user_id": rng.choice(USER.vocabulary, 60), "item_id": rng.choice([7, 8, 9], 60)}
    columns["age"] = rng.normal(30, 10, 60).astype(np.float32)
    rows = tf.data.Dataset.from_tensor_slices(columns)
    hypermodel().fit(hp, model, rows.batch(60), epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(columns), model(columns), rtol=1e-5)


def test_usual_values_are_the_defaults_and_others_can_be_chosen():
    hp = tuning.fixed({})
    model = hypermodel().build(hp)
    assert (hp.values["loss"], hp.values["batch_size"]) == ("full_softmax", 256)
    assert isinstance(model.task.negatives, negatives.WholeCatalogue)
    assert tuning.space.batch_size(hp) == 256
    other = hypermodel().build(tuning.fixed({"loss": "info_nce"}))
    assert isinstance(other.task.negatives.source, negatives.InBatch)


def test_a_usual_value_that_the_facts_forbid_is_refused_by_name():
    bare = tuning.RetrievalHyperModel(*SIDES, model="narrow")
    with pytest.raises(ValueError, match=r"`loss` must be one of .* the model's usual value"):
        bare.build(tuning.fixed({}))
    assert bare.build(tuning.fixed({"loss": "triplet"})).built


def test_a_name_fixes_arguments_and_brings_a_space_of_its_own():
    assert isinstance(models.RETRIEVERS["fixed"], models.RetrievalVariant)
    model = hypermodel("fixed").build(tuning.fixed({}))
    assert model.query_model.get_config()["output_dim"] == 3
    assert "embedding_dim" not in space_of(hypermodel("fixed")).values


def test_columns_that_a_model_lacks_and_names_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"must hold a `Numeric` for Narrow, received the columns"):
        tuning.RetrievalHyperModel([USER], [ITEM], model="narrow")
    with pytest.raises(ValueError, match=r"`model` must be one of .*'two_tower'.*received 'bert'"):
        hypermodel("bert")
    with pytest.raises(ValueError, match=r"`model` must be 'narrow', .* received 'mf'"):
        hypermodel().build(tuning.fixed({"model": "mf"}))


def test_only_two_tower_models_are_registered():
    with pytest.raises(ValueError, match=r"`model` must be a subclass of `models.TwoTower`"):
        models.register_retriever("tower", models.Tower)
    with pytest.raises(ValueError, match=r"`name` must be letters, digits and underscores"):
        models.register_retriever("my retriever", Narrow)

"""A ranking model from outside the package is searched, trained, saved, loaded and exported."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tuning.draws import drawn, space_of
from tfrs_ext import models, serving, tuning
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, FeatureEncoder, Numeric

pytestmark = pytest.mark.usefixtures("kept_process")

USER, ITEM = Categorical("user_id", (1, 2, 3)), Categorical("item_id", (7, 8, 9))
COLUMNS = [USER, ITEM, Numeric("age", 30.0, 10.0)]


@keras.saving.register_keras_serializable(package="shop")
class Additive(models.RankingModel):
    """A linear model of a dense layer on embeddings."""

    def __init__(self, features, embedding_dim=4, tilt=0.0, **kwargs):
        super().__init__(features, **kwargs)
        self.encoder = FeatureEncoder(features, embedding_dim)
        self.tilt = tilt
        self.create()

    @classmethod
    def missing_columns(cls, features, item_id, user_id):
        return [] if any(isinstance(f, Numeric) for f in features) else ["a `Numeric`"]

    @classmethod
    def search_space(cls, hp, features):
        return {
            "embedding_dim": hp.Choice("embedding_dim", [8, 16, 32, 64], default=8),
            "tilt": hp.Float("tilt", 0.0, 1.0, step=0.5, default=0.5),
        }

    def hidden(self, inputs, training):
        return self.encoder(inputs) + self.tilt

    def get_config(self):
        config = super().get_config()
        return {**config, "embedding_dim": self.encoder.embedding_dim, "tilt": self.tilt}


@pytest.fixture(autouse=True)
def registered():
    models.register_ranker("additive", Additive)
    models.register_ranker("tilted", Additive, lambda hp, features: {}, tilt=1.0)
    yield
    del models.RANKERS["additive"], models.RANKERS["tilted"]


def batches(size):
    rng = np.random.default_rng(0)
    columns = {
        "user_id": rng.choice(USER.vocabulary, 60),
        "item_id": rng.choice(ITEM.vocabulary, 60),
        "age": rng.normal(30, 10, 60).astype(np.float32),
    }
    labels = (columns["item_id"] == 8).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices((columns, labels)).batch(size)


@pytest.mark.slow
def test_is_searched_trained_saved_loaded_and_exported(tmp_path):
    hyper = tuning.RankingHyperModel(COLUMNS, "item_id", "user_id", ("additive", "dcn_v2"))
    hp = tuning.fixed({"embedding_dim": 16})
    model = hyper.build(hp)
    assert (model.name, model.encoder.embedding_dim, model.tilt) == ("additive", 16, 0.5)
    hyper.fit(hp, model, batches, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    columns = {"user_id": np.array([1, 2, 3]), "age": np.array([20.0, 30, 40], np.float32)}
    users, items = serving.Users(columns), serving.Items({"item_id": ITEM.vocabulary})
    version = serving.export_ranker(tmp_path / "base", model, users, items)
    served = tf.saved_model.load(str(version)).signatures["rank"]
    answer = served(user_id=tf.constant([2], tf.int64), item_id=tf.constant([[7, 8, 9]], tf.int64))
    rows = {"user_id": [2] * 3, "item_id": [7, 8, 9], "age": [30.0] * 3}
    expected = model({name: tf.constant(column) for name, column in rows.items()})
    np.testing.assert_allclose(answer["score"][0], np.sort(expected[:, 0])[::-1], rtol=1e-5)


def test_a_name_fixes_arguments_and_brings_a_space_of_its_own():
    assert isinstance(models.RANKERS["tilted"], models.RankingVariant)
    hyper = tuning.RankingHyperModel(COLUMNS, model="tilted")
    assert hyper.build(tuning.fixed({})).tilt == 1.0
    assert "tilt" not in space_of(hyper).values


def test_every_model_that_the_columns_allow_is_searched():
    assert "additive" in tuning.RankingHyperModel(COLUMNS).models
    assert "additive" not in tuning.RankingHyperModel(COLUMNS[:2]).models
    with pytest.raises(ValueError, match="'additive' needs a `Numeric`; received the columns"):
        tuning.RankingHyperModel(COLUMNS[:2], model="additive")


def test_what_models_declare_alike_is_one_hyper_parameter():
    space = space_of(tuning.RankingHyperModel(COLUMNS, model=("dcn_v2", "additive", "tilted")))
    names = [parameter.name for parameter in space.space]
    (conditions,) = [p.conditions for p in space.space if p.name == "embedding_dim"]
    assert names.count("embedding_dim") == 1
    assert {"tilt", "cross_layers"} <= set(names)
    assert conditions[0].values == ["dcn_v2", "additive"]
    for seed in range(20):
        values = drawn(space, seed).values
        assert ("tilt" in values) == (values["model"] == "additive")
        assert ("embedding_dim" in values) == (values["model"] != "tilted")


def test_only_ranking_models_are_registered():
    with pytest.raises(ValueError, match=r"`model` must be a subclass of `models.RankingModel`"):
        models.register_ranker("tower", models.Tower)
    with pytest.raises(ValueError, match=r"`name` must be letters, digits and underscores"):
        models.register_ranker("my ranker", Additive)

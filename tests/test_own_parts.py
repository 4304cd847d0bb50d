"""Parts from outside the package: trained, saved, exported and served together."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.indexes.test_own_index import Nearest, distances
from tests.models.test_own_ranker import Additive
from tfrs_ext import data, losses, models, negatives, serving, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import ColumnEncoder, Feature, example_inputs
from tfrs_ext.ops import objectives
from tfrs_ext.serving.rest import ServedModel

# Two exports, each verified by a process without this package.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("kept_process")]


class LoudnessEncoder(ColumnEncoder):
    def call(self, values):
        return tf.cast(values, self.compute_dtype)[:, tf.newaxis] / 10.0


@dataclasses.dataclass(frozen=True)
class Loudness(Feature):
    """A column kind: decibels, silent where nothing is known."""

    kind = "loudness"
    missing = np.float32(0)

    def encoder(self, embedding_dim):
        return LoudnessEncoder(self)

    def output_width(self, embedding_dim):
        return 1


@keras.saving.register_keras_serializable(package="shop")
class WideTower(keras.Model):
    """A tower: the user's loudness and history through one wide layer."""

    def __init__(self, features, width=8, **kwargs):
        super().__init__(**kwargs)
        self.features, self.width = tuple(features), width
        self.encoders = [feature.encoder(width) for feature in self.features]
        self.wide = keras.layers.Dense(width)
        self(example_inputs(self.features))

    def call(self, inputs):
        pairs = zip(self.features, self.encoders, strict=True)
        return self.wide(tf.concat([encode(inputs[f.name]) for f, encode in pairs], axis=1))

    def get_config(self):
        return {"features": [f.get_config() for f in self.features], "width": self.width}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        features = [Feature.from_config(feature) for feature in config["features"]]
        return cls(features, config["width"])


@keras.saving.register_keras_serializable(package="shop")
class WideMargin(losses.RetrievalLoss):
    """A loss: the positive must be 2 above each negative."""

    @property
    def objective(self):
        return objectives.hinge(2.0)


@keras.saving.register_keras_serializable(package="shop")
class FirstOfBatch(negatives.Source):
    """A source of negatives: the batch's first items."""

    def draw(self, batch):
        return negatives.Pool(batch.positives, batch.positives.head(32))


@pytest.fixture(scope="module")
def frames():
    made, _ = data.synthetic(num_users=60, num_items=40, interactions_per_user=8)
    users = made.users.assign(loudness=np.linspace(0, 90, len(made.users), dtype=np.float32))
    schema = dataclasses.replace(made.schema, user_features={"loudness": "loudness"})
    return data.load_frames(made.interactions, users, made.items, schema)


def test_a_retriever_of_own_parts_is_trained_saved_exported_and_served(frames, tmp_path):
    features = data.fit_features(frames, history_length=5)
    assert any(isinstance(feature, Loudness) for feature in features.query)
    model = models.TwoTower(
        WideTower([f for f in features.query if f.name in ("loudness", "history")]),
        models.Tower(features.candidate, 8, (8,), normalize=False),
        tasks.Retrieval(WideMargin(), negatives=FirstOfBatch()),
        item_id="item_id",
    )
    model.compile(keras.optimizers.Adam(0.02))
    batches = data.training_dataset(frames, features, 64, seed=1)
    history = model.fit(batches, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]

    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    assert type(model.task._loss) is WideMargin
    assert type(model.task.negatives) is FirstOfBatch

    items = model.candidate_model.predict(data.candidates_dataset(frames, features, 64), verbose=0)
    users = data.user_states(frames, features)
    version = serving.export(
        tmp_path / "music",
        model.query_model,
        items,
        serving.Items({"item_id": frames.items["item_id"].to_numpy()}),
        users=serving.Users(users),
        k=5,
        index="nearest",
    )
    assert serving.read_manifest(version)["index"]["kind"] == Nearest.kind
    ids = users["user_id"][:4]
    queries = model.query_model({name: tf.constant(column[:4]) for name, column in users.items()})
    nearest = np.argsort(distances(queries.numpy(), items), kind="stable")[:, :5]
    expected = frames.items["item_id"].to_numpy()[nearest].tolist()
    assert serving.query_fresh(version, {"user_id": ids})["item_id"].tolist() == expected
    served = ServedModel(tmp_path / "music")
    served.refresh()
    with served.lease() as (_, servable):
        answer = servable.run("serving_default", {"user_id": ids.astype(object)})
    assert answer["item_id"].tolist() == expected
    served.close()


def test_a_ranker_of_own_parts_is_trained_saved_exported_and_asked(frames, tmp_path):
    features = data.fit_features(frames, history_length=5)
    columns = [f for f in (*features.query, *features.candidate) if f.name != "history"]
    model = Additive(columns)
    model.compile("adam", "binary_crossentropy")
    labelled = data.with_negatives(frames, num_negatives=1, seed=1)
    model.fit(data.ranking_dataset(labelled, features, 64, seed=1), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    users = data.user_states(frames, features)
    items = data.item_columns(frames, features)
    version = serving.export_ranker(
        tmp_path / "ranker", model, serving.Users(users), serving.Items(items)
    )
    user, candidates = users["user_id"][:1], items["item_id"][None, :4]
    answer = serving.query_fresh(version, {"user_id": user, "item_id": candidates}, "rank")
    pairs = {name: np.repeat(column[:1], 4, axis=0) for name, column in users.items()}
    pairs |= {name: column[:4] for name, column in items.items()}
    scores = model({name: tf.constant(column) for name, column in pairs.items()}).numpy()[:, 0]
    np.testing.assert_allclose(answer["score"][0], np.sort(scores)[::-1], rtol=1e-5)

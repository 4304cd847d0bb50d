"""A column kind from outside the package goes all the way: table, batches, model, file."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrs_ext import data, models, serving
from tfrs_ext._keras import keras
from tfrs_ext.features import Categories, ColumnEncoder, Feature, Vector, check_cells
from tfrs_ext.ops.row_lookup import RowLookup
from tfrs_ext.serving.bundle.known_users import KnownUsers


class ColourEncoder(ColumnEncoder):
    def call(self, values):
        channels = tf.strings.unicode_decode(values, "UTF-8").to_tensor(shape=[None, 7])[:, 1:]
        digits = channels - tf.where(channels < 58, 48, 87)
        return tf.cast(digits[:, ::2] * 16 + digits[:, 1::2], self.compute_dtype) / 255.0


@dataclasses.dataclass(frozen=True)
class Colour(Feature):
    """A shop's own kind: "#ff8800" becomes its three channels."""

    kind = "colour"
    missing = "#808080"

    @classmethod
    def convert(cls, column, name):
        wrong = column.notna() & ~column.astype(str).str.fullmatch("#[0-9a-f]{6}")
        check_cells(column, wrong, f"{name} must hold colours such as #ff8800", "Rewrite it.")
        return column

    def encoder(self, embedding_dim):
        return ColourEncoder(self)

    def output_width(self, embedding_dim):
        return 3


SCHEMA = data.Schema(
    user_features={"tint": "colour"},
    item_features={
        "genres": {"kind": "categories", "separator": "/"},
        "image": "vector",
        "paint": "colour",
    },
)


@pytest.fixture(scope="module")
def frames():
    log = pd.DataFrame({"user_id": [1, 2] * 6, "item_id": [7, 8, 9] * 4, "timestamp": range(12)})
    users = pd.DataFrame({"user_id": [1, 2, 3], "tint": ["#ff0000", None, "#00ff80"]})
    items = pd.DataFrame(
        {
            "item_id": [7, 8, 9, 10],
            "genres": ["Action/Comedy", None, "Comedy", "Noir"],
            "image": [[1.0, 2.0], [3.0, 0.0], None, [5.0, 5.0]],
            "paint": ["#ffffff", "#000000", None, "#0000ff"],
        }
    )
    return data.load_frames(log, users, items, SCHEMA)


def test_the_kinds_fit_to_what_occurs(frames):
    features = data.fit_features(frames)
    assert features.query[1] == Colour("tint")
    image = Vector("image", 2, (2.0, 1.0), 1.0)
    assert features.candidate[1:] == (
        Categories("genres", ("Comedy", "Action"), "/"),
        image,
        Colour("paint"),
    )
    assert data.FeatureSet.from_config(features.get_config()) == features
    assert data.Schema.from_config(SCHEMA.get_config()) == SCHEMA


def test_batches_hold_their_columns(frames):
    columns = data.item_columns(frames, data.fit_features(frames))
    assert columns["genres"].tolist() == ["Action/Comedy", "", "Comedy", "Noir"]
    assert columns["image"].tolist() == [[1.0, 2.0], [3.0, 0.0], [2.0, 1.0], [5.0, 5.0]]
    assert columns["paint"].tolist() == ["#ffffff", "#000000", "#808080", "#0000ff"]
    batch = next(iter(data.training_dataset(frames, data.fit_features(frames), 4, shuffle=False)))
    np.testing.assert_array_equal(batch["image"], columns["image"][[0, 1, 2, 0]])
    assert batch["tint"].numpy().tolist() == [b"#ff0000", b"#808080"] * 2


@pytest.mark.slow
def test_two_towers_train_and_load_with_them(frames, tmp_path):
    features = data.fit_features(frames, history_length=3)
    model = models.TwoTower.from_features(
        features.query, features.candidate, embedding_dim=4, hidden_units=()
    )
    model.compile(keras.optimizers.Adam(0.1))
    batches = data.training_dataset(frames, features, 4, seed=1)
    losses = model.fit(batches, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    batch = next(iter(batches))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(batch), model(batch), rtol=1e-5)
    tower = loaded.candidate_model
    assert tower.encoder.encoders[3](batch["paint"]).shape == [4, 3]


def test_cells_that_don_t_fit_are_named():
    log = pd.DataFrame({"user_id": [1], "item_id": [7], "timestamp": [0]})
    users = pd.DataFrame({"user_id": [1], "tint": ["red"]})
    schema = dataclasses.replace(SCHEMA, item_features={})
    with pytest.raises(ValueError, match=r"users\['tint'\] must hold colours .*'red' in row 0"):
        data.load_frames(log, users, schema=schema)


def test_an_export_knows_what_stands_for_an_unknown_user(frames):
    features = data.fit_features(frames, history_length=3)
    tower = models.Tower([*features.query, Vector("face", 2, (5.0, 6.0))], 4)
    columns = {**data.user_states(frames, features), "face": np.ones([3, 2], np.float32)}
    items = RowLookup(tf.constant([7, 8]), "items", "item_id")
    known = KnownUsers(serving.Users(columns), columns, tower, items)
    unknown = known.features(tf.constant([99], tf.int64))
    assert unknown["face"].numpy().tolist() == [[5.0, 6.0]]
    assert unknown["tint"].numpy().tolist() == [b"#808080"]
    assert unknown["history"].numpy().tolist() == [[-1, -1, -1]]

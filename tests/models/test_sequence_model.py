"""Sequence models from columns: by the registry, in the recipe's way, and at serving."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import data, negatives, serving, tuning
from tfrs_ext.features import Categorical, Numeric
from tfrs_ext.models import GRUTower, SequenceModel, SequenceTower

pytestmark = pytest.mark.usefixtures("kept_process")


@pytest.fixture(scope="module")
def shop():
    frames, _ = data.synthetic(40, 32, 8)
    return frames, data.fit_features(frames, history_length=6)


@pytest.mark.parametrize(("name", "reader"), [("sequence", SequenceTower), ("gru", GRUTower)])
def test_the_hypermodel_builds_it_by_name_and_trains_it_on_sequences(name, reader, shop):
    frames, features = shop
    catalogue = negatives.Catalogue(data.item_columns(frames, features), "item_id")
    hypermodel = tuning.RetrievalHyperModel(
        features.query, features.candidate, data.item_counts(frames), catalogue, name
    )
    hp = tuning.fixed({**hypermodel.usual_values, "embedding_dim": 32})
    model = hypermodel.build(hp)
    assert isinstance(model.query_model, reader)
    assert model.candidate_model is model.query_model.item_model
    assert "user_id" not in [feature.name for feature in model.query_model.features]
    model.run_eagerly = True
    fitted = hypermodel.fit(hp, model, data.sequence_dataset(frames, features, 40, seed=1))
    assert np.isfinite(fitted.history["loss"]).all()


def test_by_default_it_is_the_softmax_over_all_items(shop):
    frames, features = shop
    model = SequenceModel.from_features(features.query, features.candidate, embedding_dim=8)
    batch = next(iter(data.sequence_dataset(frames, features, 5, shuffle=False)))
    ids = features.candidate[0].vocabulary
    items = model.candidate_model({"item_id": tf.constant(ids, tf.int64)})
    scores = model.query_model.embed_positions(batch) @ tf.transpose(items)
    columns = [ids.index(item) for item in batch["item_id"].flat_values.numpy()]
    expected = tf.nn.sparse_softmax_cross_entropy_with_logits(columns, scores)
    np.testing.assert_allclose(model.compute_loss(batch), np.mean(expected), rtol=1e-5)


@pytest.mark.slow
def test_a_version_knows_users_and_sessions_and_an_appended_event_counts(shop, tmp_path):
    frames, features = shop
    model = SequenceModel.from_features(features.query, features.candidate, embedding_dim=8)
    ids = frames.items["item_id"].to_numpy()
    version = serving.export(
        tmp_path / "model",
        model.query_model,
        model.candidate_model.predict(data.candidates_dataset(frames, features, 64), verbose=0),
        serving.Items({"item_id": ids}),
        users=serving.Users(data.user_states(frames, features), seen=data.seen_items(frames)),
        k=5,
    )
    ask = tf.saved_model.load(str(version)).signatures["recommend_by_features"]
    specs = ask.structured_input_signature[1]
    state = {name: values[:1] for name, values in data.user_states(frames, features).items()}

    def scores(history):
        columns = {**state, "history": [history], "k": 5, "exclusions": [[-1]]}
        given = {name: tf.constant(columns[name], specs[name].dtype) for name in specs}
        return ask(**given)["score"].numpy()

    before, after = scores([-1, -1, *ids[:4]]), scores([-1, *ids[:4], ids[9]])
    assert np.any(np.abs(before - after) > 1e-5)


def test_items_with_columns_serve_items_that_training_never_saw(shop):
    frames, features = shop
    columns = data.item_columns(frames, features)
    catalogue = negatives.Catalogue(columns, "item_id")
    model = SequenceModel.from_features(
        features.query, features.candidate, catalogue=catalogue, embedding_dim=8
    )
    new = {name: values[:2].copy() for name, values in columns.items()}
    new["item_id"][:] = 10**9
    one, other = model.candidate_model({name: tf.constant(v) for name, v in new.items()})
    assert np.any(one != other)


@pytest.mark.parametrize(
    ("query", "candidate", "missing"),
    [
        ([Numeric("age")], [Categorical("item", (1,))], ["a `History`"]),
        ([Numeric("age")], [Numeric("price")], ["a `History`", "a `Categorical` with the item id"]),
    ],
)
def test_says_which_columns_it_lacks(query, candidate, missing):
    found = SequenceModel.missing_columns(query, candidate)
    assert len(found) == len(missing)
    assert all(text.startswith(start) for text, start in zip(found, missing, strict=True))


def test_an_item_without_ids_is_refused(shop):
    _, features = shop
    with pytest.raises(ValueError, match=r"`feature` must be a `features.Categorical`"):
        SequenceModel.from_features(features.query, [Numeric("price")])


def test_another_reader_is_refused(shop):
    _, features = shop
    with pytest.raises(ValueError, match="`reader` must be one of"):
        SequenceModel.from_features(features.query, features.candidate, reader="lstm")

"""Retrievers of the literature: trained, saved, in half precision, on replicas, exported."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.tuning.draws import drawn, space_of
from tfrs_ext import data, models, negatives, serving, tuning
from tfrs_ext._keras import keras

pytestmark = pytest.mark.usefixtures("kept_process")

NAMES = ["mf", "softmax", "youtube_dnn"]
SMALL = {"embedding_dim": 4, "batch_size": 256}


@pytest.fixture(scope="module")
def frames():
    return data.synthetic(num_users=30, num_items=24, interactions_per_user=6)[0]


@pytest.fixture(scope="module")
def features(frames):
    return data.fit_features(frames, history_length=4)


@pytest.fixture
def hypermodel(name, frames, features):
    catalogue = negatives.Catalogue(data.item_columns(frames, features), "item_id")
    counts = data.item_counts(frames)
    return tuning.RetrievalHyperModel(
        features.query, features.candidate, counts, catalogue, model=name
    )


@pytest.fixture
def batches(name, frames, features):
    options = models.RETRIEVERS[name].model.training_options
    return data.training_dataset(frames, features, 80, seed=1, **options)


def queries_of(frames, features):
    states = data.user_states(frames, features)
    return {column: tf.constant(values[:5]) for column, values in states.items()}


def embeddings_of(model, frames, features):
    items = data.item_columns(frames, features)
    queries = model.query_model(queries_of(frames, features))
    return queries.numpy(), model.candidate_model.predict(items, verbose=0)


def test_all_names_are_swept():
    assert set(NAMES) <= set(models.RETRIEVERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_learns_and_is_the_same_after_both_ways_of_saving(
    hypermodel, batches, frames, features, tmp_path
):
    keras.utils.set_random_seed(1)
    model = hypermodel.build(tuning.fixed({**SMALL, "learning_rate": 0.01}))
    losses = model.fit(batches, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    expected = embeddings_of(model, frames, features)
    in_graph = tf.function(model.query_model)(queries_of(frames, features))
    np.testing.assert_allclose(in_graph, expected[0], rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    json.dumps(again.get_config())
    for found, wanted in zip(embeddings_of(again, frames, features), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    again.fit(batches, epochs=1, verbose=0)
    model.query_model.save(tmp_path / "queries")
    served = keras.models.load_model(tmp_path / "queries")
    found = served(queries_of(frames, features))
    np.testing.assert_allclose(found, expected[0], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_trains_in_half_precision(hypermodel, batches):
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = hypermodel.build(tuning.fixed(SMALL))
        loss = model.fit(batches, epochs=1, verbose=0).history["loss"]
        assert np.isfinite(loss).all()
        assert all(w.dtype == tf.float32 for w in model.trainable_weights)
        outputs = model(next(iter(batches)))
        assert outputs.dtype == tf.float32
        assert np.isfinite(outputs.numpy()).all()
    finally:
        keras.mixed_precision.set_global_policy(policy)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_replicas_report_the_loss_of_the_whole_catalogue(name, hypermodel, batches, two_replicas):
    values = {**SMALL, "loss": "full_softmax", **({} if name == "mf" else {"dropout": 0.0})}
    with two_replicas.scope():
        model = hypermodel.build(tuning.fixed(values))
    batch = {column: values[:80] for column, values in next(iter(batches)).items()}
    alone = type(model).from_config(model.get_config())
    alone.set_weights(model.get_weights())
    expected = alone.compute_loss(batch, training=True)
    rows = tf.data.Dataset.from_tensors(batch).unbatch().batch(80)
    found = model.fit(rows, verbose=0).history["loss"][0]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_point_of_its_space_trains(hypermodel, batches):
    space = space_of(hypermodel)
    for seed in range(2):
        model = hypermodel.build(drawn(space, seed))
        assert np.isfinite(model.train_step(next(iter(batches)))["loss"])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_an_export_answers_as_the_model_in_a_process_without_the_package(
    hypermodel, batches, frames, features, tmp_path
):
    model = hypermodel.build(tuning.fixed(SMALL))
    model.fit(batches, epochs=1, verbose=0)
    states = data.user_states(frames, features)
    items = data.item_columns(frames, features)
    version = serving.export(
        tmp_path / "base",
        model.query_model,
        model.candidate_model.predict(items, verbose=0),
        serving.Items({"item_id": items["item_id"]}, item_id="item_id"),
        users=serving.Users(states, user_id="user_id"),
        k=5,
    )
    queries, candidates = embeddings_of(model, frames, features)
    best = np.argsort(-(queries @ candidates.T), axis=1, kind="stable")[:, :5]
    answer = serving.query_fresh(version, {"user_id": states["user_id"][:5]})
    assert answer["item_id"].tolist() == items["item_id"][best].tolist()

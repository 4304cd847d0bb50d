"""YouTube's candidate generation: its formula in float64, its ages, and what it reads."""

import numpy as np
import pytest
import tensorflow as tf

from tests.oracles.softmax import logsumexp
from tfrs_ext import data, losses, models, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, History, Numeric, Text
from tfrs_ext.models import youtube_tower

VIDEOS = (7, 8, 9)
WATCHED, SEARCHED = History("watched", VIDEOS, 3), Text("searched", ("cat", "dog"))
COUNTRY, VIDEO = Categorical("country", ("de", "fr")), Categorical("video", VIDEOS)
USER = Categorical("user", (1, 2))
ROWS = {
    "watched": np.array([[-1, -1, 7], [8, 9, 9], [-1, -1, -1]]),
    "searched": np.array(["cat dog", "DOG", ""]),
    "country": np.array(["fr", "de", "xx"]),
    "video": np.array([9, 7, 8]),
    "example_age": np.array([0.25, 1.0, 0.0], np.float32),
}


def make_model(**options):
    return models.YouTubeDNN.from_features(
        [USER, WATCHED, SEARCHED, COUNTRY], [VIDEO], embedding_dim=4, hidden_units=(5,), **options
    )


def test_an_age_below_the_newest_is_a_number():
    powers = youtube_tower._powers(tf.constant([-1.0, 0.25]))
    np.testing.assert_array_equal(powers, [[-1.0, 1.0, 0.0], [0.25, 0.0625, 0.5]])


def mean_of(rows, width=4):
    return np.mean(rows, axis=0) if len(rows) else np.zeros(width)


def queries_by_hand(tower, ages):
    """Returns the tower's outputs in float64, from its weights."""
    watches, tokens, countries = (
        encoder.embedding.get_weights()[0].astype(np.float64) for encoder in tower.encoders
    )
    words = [[1, 2], [2], []]  # Rows of the table of tokens: row 0 is that of unknown ones.
    outputs = []
    for watched, searched, country, age in zip(
        ROWS["watched"], words, (2, 1, 0), ages, strict=True
    ):
        seen = [watches[2 + VIDEOS.index(video)] for video in watched if video != -1]
        parts = [mean_of(seen), mean_of([tokens[w] for w in searched]), countries[country]]
        x = np.concatenate([*parts, [age, age**2, age**0.5]])
        for dense in (*tower.hidden.denses, tower.last):
            kernel, bias = (weight.astype(np.float64) for weight in dense.get_weights())
            x = np.maximum(x @ kernel + bias, 0)
        outputs.append(x)
    return np.array(outputs)


def shaken(model):
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


def test_the_loss_is_the_articles_over_all_videos_in_float64():
    catalogue = negatives.Catalogue({"video": list(VIDEOS)}, "video")
    task = tasks.Retrieval(losses.FullSoftmax(), negatives=negatives.WholeCatalogue(catalogue))
    model = shaken(make_model(task=task))
    queries = queries_by_hand(model.query_model, ROWS["example_age"])
    videos = model.candidate_model.get_weights()[0].astype(np.float64)[1:]
    logits = queries @ videos.T
    rows = zip(logits, ROWS["video"], strict=True)
    expected = np.mean([logsumexp(row) - row[VIDEOS.index(video)] for row, video in rows])
    np.testing.assert_allclose(model.compute_loss(ROWS, training=True), expected, rtol=1e-5)


def test_the_age_is_zero_whenever_the_model_does_not_train():
    tower = shaken(make_model()).query_model
    now = queries_by_hand(tower, np.zeros(3))
    assert "example_age" not in [feature.name for feature in tower.features]
    served = {name: values for name, values in ROWS.items() if name != "example_age"}
    for inputs in (ROWS, served):
        np.testing.assert_allclose(tower(inputs), now, rtol=1e-4, atol=1e-5)
    assert np.abs(tower(ROWS, training=True) - now).max() > 0.1


def test_training_without_ages_is_refused_with_the_mend():
    rows = {name: values for name, values in ROWS.items() if name != "example_age"}
    with pytest.raises(ValueError, match=r"must hold 'example_age' in training.*example_age=None"):
        make_model().compute_loss(rows, training=True)
    assert np.isfinite(make_model(example_age=None).compute_loss(rows, training=True))


def test_watches_stay_a_plain_mean_after_training_and_users_are_not_read():
    model = make_model()
    model.compile(keras.optimizers.SGD(1.0))
    for _ in range(3):
        model.train_step({name: tf.constant(values) for name, values in ROWS.items()})
    tower = model.query_model
    assert [feature.name for feature in tower.features] == ["watched", "searched", "country"]
    np.testing.assert_allclose(
        tower(ROWS), queries_by_hand(tower, np.zeros(3)), rtol=1e-4, atol=1e-5
    )


def _columns(batches):
    found = list(batches.as_numpy_iterator())
    return {
        name: [batch[name] for batch in found]
        for name in ("history", "item_id", "user_id", "example_age")
    }


def test_no_batch_tells_of_the_future():
    frames, _ = data.synthetic(num_users=20, num_items=30, interactions_per_user=6)
    times = frames.interactions[frames.schema.timestamp].to_numpy()
    late = times > np.median(times)
    other = frames.select(np.arange(len(times)))
    items = other.interactions["item_id"].to_numpy().copy()
    items[late] = np.roll(items[late], 1)
    other.interactions["item_id"] = items
    features = data.fit_features(frames, history_length=5)
    options = models.YouTubeDNN.training_options
    span = times.max() - times.min()
    past = []
    for which in (frames, other):
        batches = data.training_dataset(which, features, 64, seed=3, **options)
        rows = {name: np.concatenate(parts) for name, parts in _columns(batches).items()}
        kept = rows["example_age"] >= (times.max() - np.median(times)) / span
        past.append([values[kept] for values in rows.values()])
    for ours, theirs in zip(*past, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(past[0][0]) > 100


def test_columns_that_it_needs_are_named():
    missing = models.YouTubeDNN.missing_columns([Numeric("age")], [Numeric("year")])
    assert missing == ["a `History`", "a `Categorical` with the item id first"]

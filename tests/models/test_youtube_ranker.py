"""YouTube's ranker: what its odds learn, its inputs, saving and serving."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import losses, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Numeric
from tfrs_ext.models import MultiTask, RankingModel, TwoTower, YouTubeRanker

VIDEO = Categorical("video", tuple(range(4)))
AGE = Numeric("age", quantiles=tuple(np.quantile(np.arange(100.0), np.linspace(0, 1, 11))))


def impressions(count=6000, seed=0):
    rng = np.random.default_rng(seed)
    video = rng.integers(0, 4, count)
    clicked = rng.random(count) < np.array([0.02, 0.05, 0.1, 0.2])[video]
    times = clicked * rng.exponential(np.array([300, 30, 60, 5])[video])
    columns = {"video": video, "age": rng.uniform(0, 99, count).astype(np.float32)}
    return columns, times.astype(np.float32)


def make(**options):
    return YouTubeRanker([VIDEO, AGE], **{"embedding_dim": 4, "hidden_units": (8,), **options})


def test_learned_odds_approach_total_watch_time_over_negatives():
    columns, times = impressions()
    model = YouTubeRanker([VIDEO], embedding_dim=4, hidden_units=())
    model.compile(keras.optimizers.Adam(0.1), losses.WeightedLogistic())
    model.fit({"video": columns["video"]}, times, 6000, epochs=400, verbose=0)
    for video in range(4):
        rows = times[columns["video"] == video]
        expected = rows.sum() / np.sum(rows == 0)
        odds = model({"video": np.array([video])})
        np.testing.assert_allclose(odds, [[expected]], rtol=0.02)
        # Near the mean watch time, which is the point: E[T] (1 + P) and not a probability.
        np.testing.assert_allclose(odds, [[rows.mean()]], rtol=0.3)


def test_gives_each_number_as_its_quantile_with_square_and_root():
    model = make(hidden_units=())
    hidden = model.hidden({"video": np.array([1]), "age": np.float32([49.5])}, False)
    np.testing.assert_allclose(hidden[0, :3], [0.5, 0.25, 0.5**0.5], rtol=1e-5)
    assert hidden.shape == [1, 3 + 4]


@pytest.mark.parametrize("name", ["model.keras", "saved_model"])
def test_saved_models_answer_as_before(tmp_path, name):
    model = make(dropout=0.1)
    columns, times = impressions(50)
    model.compile("adam", losses.WeightedLogistic())
    model.fit(columns, times, verbose=0)
    model.save(tmp_path / name)
    again = keras.models.load_model(tmp_path / name)
    np.testing.assert_allclose(again(columns), model(columns), rtol=1e-5)
    if name.endswith(".keras"):
        np.testing.assert_allclose(
            again.evaluate(columns, times, verbose=0),
            model.evaluate(columns, times, verbose=0),
            rtol=1e-5,
        )


def test_survives_json():
    config = json.loads(json.dumps(make().get_config()))
    again = YouTubeRanker.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert again.features == (VIDEO, AGE)
    assert issubclass(YouTubeRanker, RankingModel)


def test_serves_expected_watch_time_from_a_signature(tmp_path):
    model = make()
    columns, _ = impressions(5)
    tf.saved_model.save(model, str(tmp_path))
    serve = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    inputs = {"video": tf.constant(columns["video"]), "age": tf.constant(columns["age"])}
    np.testing.assert_allclose(serve(**inputs)["output_1"], model(columns), rtol=1e-5)


def test_logits_beyond_what_exp_can_hold_train_on():
    model = make(hidden_units=())
    model.head.kernel.assign(tf.fill(model.head.kernel.shape, 1e6))
    columns, times = impressions(50)
    model.compile("sgd", losses.WeightedLogistic())
    model.fit(columns, times, verbose=0)
    assert np.isfinite(model(columns)).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_trains_in_mixed_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = make()
        columns, times = impressions(200)
        model.compile("adam", losses.WeightedLogistic())
        model.fit(columns, times, verbose=0)
        outputs = model(columns)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert outputs.dtype == tf.float32
    assert np.isfinite(outputs).all()


@pytest.mark.slow
def test_ranks_in_a_multi_task_model():
    towers = TwoTower.from_features([AGE], [VIDEO], embedding_dim=4)
    task = tasks.Ranking(losses.WeightedLogistic())
    model = MultiTask(towers, {"watched": make()}, {"watched": task})
    columns, times = impressions(60)
    model.compile("adam")
    model.fit(tf.data.Dataset.from_tensors({**columns, "watched": times}), verbose=0)
    assert (model(columns)["watched"].numpy() > 0).all()


def test_rejects_numbers_without_quantiles_and_batches_without_columns():
    with pytest.raises(ValueError, match=r"numbers \['price'\] their `quantiles`, as `data.fit"):
        YouTubeRanker([VIDEO, Numeric("price")])
    with pytest.raises(ValueError, match=r"`inputs` must hold the columns \['age'\]"):
        make()({"video": np.array([1])})

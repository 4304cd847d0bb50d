"""Retrieval and ranking trained together: losses, weights, logs, saving, serving."""

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.sweeps import mostly_slow
from tfrs_ext import losses, serving, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Numeric
from tfrs_ext.models import DCN, MultiTask, TwoTower

pytestmark = pytest.mark.usefixtures("kept_process")

USER, ITEM = Categorical("user", tuple(range(12))), Categorical("item", tuple(range(9)))
AGE = Numeric("age")


def rows(count=240, seed=3):
    rng = np.random.default_rng(seed)
    user = rng.integers(0, 12, count)
    item = np.where(rng.random(count) < 0.8, user % 3 * 3 + rng.integers(0, 3, count), 0)
    return {
        "user": user,
        "item": item,
        "age": rng.normal(size=count).astype(np.float32),
        "click": (item % 2 == user % 2).astype(np.float32),
        "rating": (1 + item % 5).astype(np.float32),
    }


def dataset(count=240, batch=60, **changes):
    return tf.data.Dataset.from_tensor_slices({**rows(count), **changes}).batch(batch)


def towers(**options):
    task = tasks.Retrieval(loss=losses.SampledSoftmax(), temperature=0.2)
    return TwoTower.from_features(
        [USER, AGE], [ITEM], task, embedding_dim=4, hidden_units=(), **options
    )


def rankers():
    # Not in alphabetical order, and two of a kind: files must tell them apart.
    return {
        "rating": keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]),
        "click": DCN([USER, ITEM, AGE], 4, 1, (8,)),
    }


def make(**options):
    metrics = [keras.metrics.RootMeanSquaredError("rmse")]
    rating = tasks.Ranking(keras.losses.MeanSquaredError(), metrics=metrics)
    click = tasks.Ranking(metrics=[keras.metrics.AUC(name="auc")])
    options = {"loss_weights": {"rating": 0.5}, **options}
    return MultiTask(towers(), rankers(), {"rating": rating, "click": click}, **options)


def test_learns_to_retrieve_and_to_rank_in_one_fit():
    model = make()
    model.compile(keras.optimizers.Adam(0.02))
    before = model.evaluate(dataset(), return_dict=True, verbose=0)
    model.fit(dataset(), epochs=30, verbose=0)
    after = model.evaluate(dataset(), return_dict=True, verbose=0)
    assert after["auc"] > 0.95 > before["auc"]
    assert after["rmse"] < 0.5 < before["rmse"]
    assert after["retrieval_loss"] < before["retrieval_loss"] - 0.5


def test_logs_are_means_over_the_rows_of_the_epoch_and_sum_to_the_loss():
    model = make()
    model.compile()
    logs = model.evaluate(dataset(90, 60), return_dict=True, verbose=0)
    total = logs["retrieval_loss"] + 0.5 * logs["rating_loss"] + logs["click_loss"]
    np.testing.assert_allclose(logs["loss"], total, rtol=1e-5)
    predictions, data = model(rows(90)), rows(90)
    squares = (data["rating"] - predictions["rating"][:, 0]) ** 2
    np.testing.assert_allclose(logs["rating_loss"], np.mean(squares), rtol=1e-5)
    first, second = (float(model.retriever.compute_loss(batch)) for batch in dataset(90, 60))
    np.testing.assert_allclose(logs["retrieval_loss"], (2 * first + second) / 3, rtol=1e-5)


def test_trains_as_the_multitask_model_of_the_tfrs_tutorial():
    model = MultiTask(
        towers(), {"rating": keras.layers.Dense(1)}, loss_weights={"retrieval": 0.3, "rating": 2.0}
    )
    model.retriever.task = tasks.Retrieval()
    model.ranking_tasks["rating"] = tasks.Ranking(keras.losses.MeanSquaredError())
    retrieval = tfrs.tasks.Retrieval()
    rating = tfrs.tasks.Ranking(keras.losses.MeanSquaredError())
    batch = next(iter(dataset()))

    def tutorial():
        queries, candidates = model.query_model(batch), model.candidate_model(batch)
        predictions = model.rankers["rating"](tf.concat([queries, candidates], axis=1))
        rating_loss = rating(labels=batch["rating"][:, None], predictions=predictions)
        return 2.0 * rating_loss + 0.3 * retrieval(queries, candidates)

    answers = []
    for compute in (lambda: model.compute_loss(batch, training=True), tutorial):
        with tf.GradientTape() as tape:
            loss = compute()
        gradients = tape.gradient(loss, model.trainable_variables)
        answers.append((loss, [tf.convert_to_tensor(gradient) for gradient in gradients]))
    np.testing.assert_allclose(answers[0][0], answers[1][0], rtol=1e-5)
    for ours, theirs in zip(answers[0][1], answers[1][1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_column_of_weights_tells_the_retriever_what_is_positive():
    model = make(sample_weights={"retrieval": "click"})
    batch = next(iter(dataset()))
    model.compute_loss(batch)
    expected = model.retriever.compute_loss({**batch, "sample_weight": batch["click"]})
    actual = model._mean_losses.results()["retrieval_loss"]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    everywhere = next(iter(dataset(sample_weight=np.zeros(240, np.float32))))
    model = make()
    assert float(model.compute_loss(everywhere)) == 0.0


def test_learnt_weights_follow_the_formula_and_settle_where_it_says():
    model = make(loss_weights="uncertainty")
    batch = next(iter(dataset()))
    model.compute_loss(batch)
    means = model._mean_losses.results()
    parts = np.array([means[f"{name}_loss"] for name in ("retrieval", "rating", "click")])
    s = np.float32([0.3, -0.2, 1.0])
    model.log_variances.assign(s)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch)
    np.testing.assert_allclose(loss, np.sum(np.exp(-s) * parts + s / 2), rtol=1e-5)
    gradient = tape.gradient(loss, model.log_variances)
    np.testing.assert_allclose(gradient, 0.5 - np.exp(-s) * parts, rtol=1e-4, atol=1e-6)
    # Zero where s = log(2 L): the weight is the reciprocal of twice the loss.


@pytest.mark.parametrize(
    ("name", "options"),
    mostly_slow(
        itertools.product(["model.keras", "saved_model"], [{}, {"loss_weights": "uncertainty"}]),
        [("model.keras", {"loss_weights": "uncertainty"})],
    ),
)
def test_saved_models_answer_and_train_as_before(tmp_path, name, options):
    model = make(sample_weights={"retrieval": "click"}, **options)
    # What a file holds doesn't depend on graphs, which take seconds to build.
    model.compile(keras.optimizers.Adam(0.02), run_eagerly=name.endswith(".keras"))
    model.fit(dataset(), verbose=0)
    expected = model(rows())
    model.save(tmp_path / name)
    again = keras.models.load_model(tmp_path / name)
    answers = again(rows())
    assert set(answers) == {"retrieval", "rating", "click"}
    for key, value in answers.items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-5, atol=1e-6)
    if name.endswith(".keras"):
        logs = [m.evaluate(dataset(), return_dict=True, verbose=0) for m in (model, again)]
        assert {"auc", "rmse"} < set(logs[0])
        for key, value in logs[0].items():
            np.testing.assert_allclose(logs[1][key], value, rtol=1e-5)
        again.fit(dataset(), verbose=0)


def test_survives_json():
    config = json.loads(json.dumps(make(loss_weights={"click": 3.0}).get_config()))
    again = MultiTask.from_config(config)
    assert again.loss_weights == {"retrieval": 1.0, "rating": 1.0, "click": 3.0}
    assert list(again.rankers) == ["rating", "click"]
    np.testing.assert_allclose(float(again.ranking_tasks["rating"]._loss([[5.0]], [[3.0]])), 4.0)


@pytest.mark.slow
def test_the_parts_serve_by_themselves(tmp_path):
    model = make()

    @tf.function(
        input_signature=[
            {"user": tf.TensorSpec([None], tf.int64), "age": tf.TensorSpec([None], tf.float32)}
        ]
    )
    def embed(columns):
        return model.query_model(columns)

    module = tf.Module()
    module.model, module.embed = model, embed
    tf.saved_model.save(module, str(tmp_path))
    data = rows(5)
    side = {name: tf.constant(data[name]) for name in ("user", "age")}
    loaded = tf.saved_model.load(str(tmp_path))
    queries = loaded.embed(side)
    candidates = model.candidate_model({"item": data["item"]})
    np.testing.assert_allclose(
        tf.reduce_sum(queries * candidates, 1), model(data)["retrieval"], rtol=1e-5
    )
    np.testing.assert_allclose(model.rankers["click"](data), model(data)["click"], rtol=1e-6)


def test_each_ranker_is_a_model_of_its_own_to_serve():
    model, data = make(), rows(5)
    expected = model(data)
    for label in ("rating", "click"):
        scorer = model.scorer(label)
        read = {feature.name: data[feature.name] for feature in scorer.features}
        assert set(read) == {"user", "age", "item"}
        np.testing.assert_allclose(scorer(read), expected[label], rtol=1e-6)
    with pytest.raises(ValueError, match=r"`label` must be one of .* received 'retrieval'"):
        model.scorer("retrieval")


@pytest.mark.slow
@pytest.mark.parametrize("label", ["rating", "click"])
def test_rankers_are_exported_with_all_checks(tmp_path, label):
    model = make()
    columns = {"user": np.arange(12), "age": np.zeros(12, np.float32)}
    users = serving.Users(columns, user_id="user")
    items = serving.Items({"item": np.arange(9)}, item_id="item")
    folder = serving.export_ranker(tmp_path, model.scorer(label), users, items)
    rank = tf.saved_model.load(str(folder)).signatures["rank"]
    answer = rank(user=tf.constant([3], tf.int64), item=tf.constant([[0, 5, 8]], tf.int64))
    columns = {"user": np.full(3, 3), "age": np.zeros(3, np.float32), "item": answer["item"][0]}
    np.testing.assert_allclose(answer["score"][0], model(columns)[label][:, 0], rtol=1e-5)


@pytest.mark.slow
def test_mixed_precision_trains_all_parts():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = make()
        model.compile(keras.optimizers.Adam(0.02))
        before = model.get_weights()
        model.fit(dataset(), epochs=3, verbose=0)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.any(before[0] != model.get_weights()[0])


@pytest.mark.slow
@pytest.mark.parametrize("weights", [{"click": 2.0}, "uncertainty"])
def test_ranking_losses_on_replicas_are_those_of_the_whole_batch(two_replicas, weights):
    answers = []
    # No collectives: strategies of one process would confuse theirs.
    for strategy in (two_replicas, tf.distribute.get_strategy()):
        keras.utils.set_random_seed(1)
        with strategy.scope():
            model = MultiTask(towers(), {"click": keras.layers.Dense(1, "sigmoid")}, None, weights)
            model.compile(keras.optimizers.SGD(0.1))
        answers.append(model.fit(dataset(40, 40), verbose=0).history)
    np.testing.assert_allclose(answers[0]["click_loss"], answers[1]["click_loss"], rtol=1e-5)
    # The retriever has half as many negatives on a replica.
    assert answers[0]["retrieval_loss"] < answers[1]["retrieval_loss"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rankers": {}}, "`rankers` must hold one or more labels"),
        ({"rankers": {"retrieval": keras.layers.Dense(1)}}, "other than 'retrieval'"),
        ({"loss_weights": {"like": 1.0}}, r"`loss_weights` must map some of \['retrieval', 'click"),
        ({"loss_weights": "equal"}, "`loss_weights` must map some of"),
        ({"ranking_tasks": {"retrieval": None}}, r"`ranking_tasks` must map some of \['click'\]"),
        ({"sample_weights": {"x": "y"}}, "`sample_weights` must map some of"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiTask(
            **{"retriever": towers(), "rankers": {"click": keras.layers.Dense(1)}, **arguments}
        )


def test_metrics_of_one_name_are_refused():
    both = {name: tasks.Ranking(metrics=[keras.metrics.AUC(name="auc")]) for name in rankers()}
    with pytest.raises(ValueError, match=r"distinct names, received \['auc'\] more than once"):
        MultiTask(towers(), rankers(), both)


@pytest.mark.parametrize("column", ["click", "rating", "watched"])
def test_labels_and_weights_missing_from_the_batch_are_named(column):
    model = make(sample_weights={"rating": "watched"})
    model.compile("sgd")
    batches = dataset(watched=np.ones(240, np.float32))
    with pytest.raises(ValueError, match=rf"must hold the labels and weights \['{column}'\]"):
        model.fit(batches.map(lambda b: {k: v for k, v in b.items() if k != column}), verbose=0)


@pytest.mark.parametrize("column", ["age", "item"])
def test_features_missing_from_the_batch_are_named(column):
    model = make()
    model.compile("sgd")
    with pytest.raises(ValueError, match=rf"`inputs` must hold the columns \['{column}'\]"):
        model.fit(dataset().map(lambda b: {k: v for k, v in b.items() if k != column}), verbose=0)

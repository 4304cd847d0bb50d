"""TwoTower, its towers, and the training loop that they share."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.sweeps import mostly_slow
from tfrs_ext import losses, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, History, Numeric, Text, Timestamp
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.metrics import FactorizedTopK
from tfrs_ext.models import Model, SequenceTower, Tower, TwoTower

USERS, ITEMS = tuple(range(1, 41)), tuple(f"i{i}" for i in range(12))


def rows(count=400, seed=5):
    rng = np.random.default_rng(seed)
    user = rng.integers(1, 41, count)
    item = (user % 4) * 3 + rng.integers(0, 3, count)  # Each user likes three of twelve items.
    names = np.array(ITEMS)
    return {
        "user_id": user.astype(np.int64),
        "age": rng.normal(size=count).astype(np.float32),
        "history": names[(item[:, None] + rng.integers(0, 2, (count, 3))) % 12],
        "item_id": names[item],
        "title": np.array(["Toy", "story"])[item % 2],
        "released": np.full(count, 10**9),
        "sample_weight": np.ones(count, np.float32),
    }


def make_model(**options):
    counts = np.unique(rows()["item_id"], return_counts=True)
    task = tasks.Retrieval(
        loss=losses.CorrectedSampledSoftmax(),
        temperature=0.2,
        remove_accidental_hits=True,
        negatives=negatives.InBatch(CountedFrequency(*counts)),
    )
    return TwoTower.from_features(
        [Categorical("user_id", USERS), Numeric("age"), History("history", ITEMS, 3)],
        [Categorical("item_id", ITEMS), Text("title", ("toy",)), Timestamp("released")],
        task,
        **{"embedding_dim": 8, "hidden_units": (16,), **options},
    )


def dataset(batch_size=100, **changes):
    return tf.data.Dataset.from_tensor_slices({**rows(), **changes}).batch(batch_size)


def top_1_share(model):
    data = rows(seed=6)
    catalogue = {
        "item_id": np.array(ITEMS),
        "title": np.array(["Toy", "story"] * 6),
        "released": np.full(12, 10**9),
    }
    scores = model.query_model(data).numpy() @ model.candidate_model(catalogue).numpy().T
    return np.mean(scores.argmax(axis=1) // 3 == data["user_id"] % 4)


def test_fit_learns_what_was_planted():
    model = make_model()
    model.compile(keras.optimizers.Adam(0.02))
    assert top_1_share(model) < 0.7
    model.fit(dataset(), epochs=15, verbose=0)
    assert top_1_share(model) > 0.95


def test_what_the_history_holds_is_no_negative():
    batch = next(iter(dataset()))
    model = make_model(known_positives="history")
    plain = TwoTower.from_config({**model.get_config(), "known_positives": None})
    plain.set_weights(model.get_weights())
    queries, items = plain.query_model(batch), plain.candidate_model(batch)
    ids = batch["item_id"].numpy()
    mask = [[item not in row for item in ids] for row in batch["history"].numpy()]
    expected = plain.task(
        queries,
        items,
        candidate_ids=batch["item_id"],
        score_mask=tf.constant(mask),
    )
    np.testing.assert_allclose(model.compute_loss(batch), expected, rtol=1e-5)
    assert TwoTower.from_config(model.get_config()).known_positives == "history"


@pytest.mark.parametrize("name", mostly_slow(["model.keras", "saved_model"], ["model.keras"]))
def test_saved_models_answer_and_train_as_before(tmp_path, name):
    model = make_model(dropout=0.1)
    # What a file holds doesn't depend on graphs, which take seconds to build.
    model.compile(keras.optimizers.Adam(0.02), run_eagerly=name.endswith(".keras"))
    model.fit(dataset(), verbose=0)
    batch = next(iter(dataset()))
    expected = model(batch)
    model.save(tmp_path / name)
    again = keras.models.load_model(tmp_path / name)
    np.testing.assert_allclose(again(batch), expected, rtol=1e-5, atol=1e-6)
    if name.endswith(".keras"):
        json.dumps(again.get_config())
        logs = [m.evaluate(dataset(), return_dict=True, verbose=0) for m in (model, again)]
        assert logs[1] == pytest.approx(logs[0], rel=1e-5)


@pytest.mark.slow
def test_a_folder_reports_no_metric_that_nothing_updates(tmp_path):
    top = keras.metrics.TopKCategoricalAccuracy(1, name="top_1")
    task = tasks.Retrieval(batch_metrics=[top], loss_metrics=[keras.metrics.Mean(name="seen")])
    towers = [Categorical("user_id", USERS)], [Categorical("item_id", ITEMS)]
    model = TwoTower.from_features(*towers, task, embedding_dim=4, hidden_units=())
    model.compile("adam")
    model.fit(dataset(), verbose=0)
    before = model.evaluate(dataset(), return_dict=True, verbose=0)
    assert before["top_1"] > 0
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model")
    logs = again.evaluate(dataset(), return_dict=True, verbose=0)
    kept = {name: value for name, value in before.items() if name not in ("top_1", "seen")}
    assert logs == pytest.approx(kept, rel=1e-5)


def test_the_reported_loss_is_the_mean_over_all_rows_of_the_epoch():
    model = make_model(embedding_dim=4)
    model.compile()
    uneven = dataset(batch_size=300)  # 300 rows, then 100.
    reported = model.evaluate(uneven, return_dict=True, verbose=0)["loss"]
    parts = [float(model.compute_loss(batch)) for batch in uneven]
    assert parts[0] != parts[1]
    np.testing.assert_allclose(reported, 0.75 * parts[0] + 0.25 * parts[1], rtol=1e-5)


def test_rows_of_weight_zero_teach_nothing():
    model = make_model()
    batch = next(iter(dataset(sample_weight=np.zeros(400, np.float32))))
    with tf.GradientTape() as tape:
        loss = model.compute_loss(batch, training=True)
    for gradient in tape.gradient(loss, model.trainable_variables):
        np.testing.assert_array_equal(tf.convert_to_tensor(gradient), 0.0)


@pytest.mark.slow
def test_mixed_precision_trains_with_scaled_losses():
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = make_model()
        model.compile(keras.optimizers.Adam(0.02))
        assert isinstance(model.optimizer, keras.mixed_precision.LossScaleOptimizer)
        model.fit(dataset(), epochs=15, verbose=0)
        assert top_1_share(model) > 0.95
    finally:
        keras.mixed_precision.set_global_policy(policy)


@pytest.mark.parametrize("activation", ["dice", keras.layers.PReLU(name="mine")])
@pytest.mark.parametrize("kind", [Tower, SequenceTower])
def test_each_hidden_layer_has_an_activation_of_its_own(kind, activation, tmp_path):
    user, clicks = Categorical("user", (1, 2)), History("clicks", (7, 8), length=3)
    tower = kind([user, clicks], embedding_dim=4, hidden_units=(4, 4), activation=activation)
    own = [layer.activations[0].weights for layer in tower.hidden]
    assert len(own[0]) == len(own[1]) > 0
    assert not {w.ref() for w in own[0]} & {w.ref() for w in own[1]}
    rows = {"user": tf.constant([1, 3]), "clicks": tf.constant([[-1, 7, 8], [8, 8, 7]], tf.int64)}
    tower.save(tmp_path / "tower.keras")
    loaded = keras.models.load_model(tmp_path / "tower.keras")
    np.testing.assert_allclose(loaded(rows), tower(rows), rtol=1e-6)


def test_a_tower_can_be_linear_and_of_any_length():
    tower = Tower([Numeric("x")], hidden_units=(), output_dim=2, normalize=False)
    small, large = tower({"x": tf.constant([1.0, 10.0])}).numpy()
    np.testing.assert_allclose(large, 10.0 * small, rtol=1e-5)
    unit = Tower([Numeric("x")], output_dim=3)({"x": tf.constant([1.0, -7.0])})
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_units": (8, 0)}, "`hidden_units` and `output_dim` must be positive"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1, received 1.0"),
    ],
)
def test_bad_arguments_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        Tower([Numeric("x")], **options)


class _SumOfSquares:
    """A model whose loss is the sum over the batch, with a regularised weight."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))

    def compute_loss(self, inputs, training=False):
        return tf.reduce_sum(self.dense(inputs) ** 2)


class _Ours(_SumOfSquares, Model):
    pass


class _Theirs(_SumOfSquares, tfrs.Model):
    pass


def test_base_model_takes_the_steps_of_a_tfrs_model():
    inputs = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    results = []
    for model in (_Ours(), _Theirs()):
        model.dense.build((None, 3))
        model.dense.set_weights([np.ones((3, 1)), np.zeros(1)])
        model.compile(keras.optimizers.SGD(0.01))
        model.fit(inputs, batch_size=4, epochs=2, shuffle=False, verbose=0)
        results.append(model.dense.get_weights())
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.slow
def test_replicas_report_and_follow_the_loss_of_the_global_batch(two_replicas):
    with two_replicas.scope():
        model = make_model()
        model.compile(keras.optimizers.SGD(1.0))
    batch = next(iter(dataset(batch_size=200)))
    halves = [{k: v[:100] for k, v in batch.items()}, {k: v[100:] for k, v in batch.items()}]
    with tf.GradientTape() as tape:
        expected = tf.add_n([model.compute_loss(half, training=True) for half in halves]) / 2
    kernel = model.query_model.projection.kernel
    gradient, before = tape.gradient(expected, kernel), kernel.numpy()
    history = model.fit(tf.data.Dataset.from_tensors(batch).unbatch().batch(200), verbose=0)
    np.testing.assert_allclose(history.history["loss"][0], expected, rtol=1e-5)
    np.testing.assert_allclose(before - kernel.numpy(), gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_a_replica_that_the_last_batch_leaves_empty_changes_no_mean(two_replicas):
    with two_replicas.scope():
        model = make_model(embedding_dim=4)
        model.compile(keras.optimizers.SGD(0.1))
    data = tf.data.Dataset.from_tensor_slices({k: v[:21] for k, v in rows().items()})
    reported = model.evaluate(data.batch(20), return_dict=True, verbose=0)["loss"]
    alone = TwoTower.from_config(model.get_config())
    alone.set_weights(model.get_weights())
    parts = [float(alone.compute_loss(batch)) * 10 for batch in data.take(20).batch(10)]
    last = float(alone.compute_loss(next(iter(data.skip(20).batch(1)))))
    np.testing.assert_allclose(reported, (sum(parts) + last) / 21, rtol=1e-5)
    assert np.isfinite(model.fit(data.batch(20), verbose=0).history["loss"][0])


@pytest.mark.slow
def test_logs_hold_no_metric_that_was_not_computed():
    corpus = tf.data.Dataset.from_tensor_slices(
        {"item_id": np.array(ITEMS), "title": np.array(["Toy"] * 12), "released": np.ones(12, int)}
    )
    model = make_model(embedding_dim=4)
    embedded = corpus.batch(12).map(lambda item: (item["item_id"], model.candidate_model(item)))
    model.task.factorized_metrics = FactorizedTopK(embedded, ks=[5])
    model.compile("sgd")
    logs = model.fit(dataset(), validation_data=dataset(), verbose=0).history
    name = next(name for name in logs if name.startswith("val_factorized"))
    assert name.removeprefix("val_") not in logs
    assert logs[name][0] > 0


@pytest.mark.parametrize(
    "task",
    [
        tasks.Retrieval,
        pytest.param(lambda: tasks.Retrieval(temperature=0.5), marks=pytest.mark.slow),
    ],
)
def test_compiled_by_xla_it_learns_the_same(task):
    pairs = {"user": np.arange(12) % 5, "item": np.arange(12) % 7}
    answers = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(1)
        towers = keras.layers.Embedding(5, 4), keras.layers.Embedding(7, 4)
        columns = {"query_column": "user", "candidate_column": "item"}
        model = TwoTower(*towers, task(), item_id="item", **columns)
        model.compile(keras.optimizers.SGD(0.5), jit_compile=jit_compile)
        data = tf.data.Dataset.from_tensor_slices(pairs).batch(5)  # The last batch is smaller.
        losses = model.fit(data, verbose=0).history["loss"]
        answers.append([losses, *model.get_weights()])
    for plain, compiled in zip(*answers, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-4, atol=1e-5)


def test_xla_is_refused_where_values_are_looked_up():
    with pytest.raises(ValueError, match="`jit_compile` must be False for a model that looks"):
        make_model(embedding_dim=4).compile("sgd", jit_compile=True)

"""A training that was interrupted ends as one that wasn't; another one begins anew."""

import csv
import itertools
import json
import resource

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.callbacks import EpochEvaluation
from tfrs_ext.files import hold_folder
from tfrs_ext.models import TwoTower
from tfrs_ext.training import TrainingError, TrainingProgress, fit_resumable, read_history

EPOCHS = 6
SCORES = (0.1, 0.3, 0.2, 0.4, 0.35, 0.3)


class Kill(keras.callbacks.Callback):
    """Ends the process, as far as Keras can tell, at a moment of an epoch."""

    def __init__(self, epoch, batch=1):
        super().__init__()
        self.at, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


class Score(keras.callbacks.Callback):
    """Puts the same scores into the logs of each training."""

    def __init__(self, scores=SCORES):
        super().__init__()
        self.scores = scores

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.scores[epoch]


class LateDropout(keras.layers.Layer):
    """Makes what draws at random when it is first called, as attention layers of Keras do."""

    def build(self, shape):
        self.dropout = keras.layers.Dropout(0.3)

    def call(self, inputs):
        return self.dropout(inputs)


def batches():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.normal(size=(40, 1)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(40, seed=3).batch(8)


def train(folder, *callbacks, rate=0.05, score=SCORES, lines=None, **options):
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Dense(4),
        keras.layers.Dropout(0.5),
        LateDropout(),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(rate), "mse", run_eagerly=True)  # Tracing is slower.
    options = {"epochs": EPOCHS, "settings": {"rate": rate}, **options}
    history = fit_resumable(
        model,
        batches(),
        folder,
        monitor="score",
        callbacks=[*callbacks, Score(score)],
        print_fn=lambda line: None if lines is None else lines.append(line),
        verbose=0,
        **options,
    )
    model(np.zeros((1, 3), np.float32))
    return model.get_weights(), history


def assert_same(one, other):
    for ours, theirs in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert one[1] == other[1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(tmp_path_factory.mktemp("undisturbed"))


def test_metrics_that_keras_makes_with_the_first_step_have_what_they_had(tmp_path):
    whole = train(tmp_path / "whole", epochs=1, save_every=2)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", Kill(0, 3), epochs=1, save_every=2)
    assert_same(train(tmp_path / "killed", epochs=1, save_every=2), whole)


def test_a_full_disk_is_told_in_one_line_and_costs_one_epoch(undisturbed, tmp_path):
    class Fill(keras.callbacks.Callback):
        """Lets no file grow beyond some bytes, as on a disk that is full."""

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(OSError, match=r"0002 can't be written: File too large\. .* make room"):
            train(tmp_path, Fill())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.rglob("*temp*"))
    lines = []
    assert_same(train(tmp_path, lines=lines), undisturbed)
    assert lines[0] == "the training goes on after epoch 2"


def test_the_best_epoch_is_kept_not_the_last(undisturbed, tmp_path):
    assert undisturbed[1]["epoch"] == list(range(EPOCHS))
    until_best = train(tmp_path, epochs=4)
    for ours, theirs in zip(undisturbed[0], until_best[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_training_killed_in_several_epochs_ends_as_if_it_had_not_been(undisturbed, tmp_path):
    for epoch in (0, 2, 3, 5):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, Kill(epoch))
    assert_same(train(tmp_path), undisturbed)
    with (tmp_path / "history.csv").open() as stream:
        assert [int(row["epoch"]) for row in csv.DictReader(stream)] == list(range(EPOCHS))
    assert read_history(tmp_path)["score"] == list(SCORES)
    kept = {path.name.split(".")[0] for path in (tmp_path / "checkpoints").iterdir()}
    assert kept == {"0003", "0005"}


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_kill_after_the_last_step_of_an_epoch_that_was_about_to_be_written(epoch, tmp_path):
    class KillAtTheEnd(Kill):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == self.at[0]:
                raise KeyboardInterrupt

    whole = train(tmp_path / "whole", epochs=2, save_every=5)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", KillAtTheEnd(epoch, None), epochs=2, save_every=5)
    assert_same(train(tmp_path / "killed", epochs=2, save_every=5), whole)


class Every(EpochEvaluation):
    """Evaluates some epochs alone, by a number that each of them changes."""

    def measure(self):
        return {"bias": float(np.sum(self.model.layers[-1].bias))}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    return train(tmp_path_factory.mktemp("evaluated"), Every(3), epochs=5, save_every=2)


@pytest.mark.parametrize("at", [(2, 3), (4, 0)])
def test_evaluations_of_some_epochs_alone_are_those_of_an_undisturbed_training(
    at, evaluated, tmp_path
):
    found = evaluated[1]["val_bias"]
    assert [a == b for a, b in itertools.pairwise(found)] == [True, True, False, False]
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Every(3), Kill(*at), epochs=5, save_every=2)
    assert_same(train(tmp_path, Every(3), epochs=5, save_every=2), evaluated)


def test_what_cannot_be_resumed_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`patience` must be at least every=3 .*patience=2"):
        train(tmp_path, Every(3), patience=2)
    with pytest.raises(ValueError, match=r"`steps_per_epoch` can't be resumed.*received 7.*take"):
        train(tmp_path, steps_per_epoch=7)


def test_a_training_that_ended_is_not_trained_again(undisturbed, tmp_path):
    train(tmp_path)
    assert_same(train(tmp_path, Kill(0, 0)), undisturbed)


def test_patience_counts_the_epochs_before_the_kill(tmp_path):
    whole = train(tmp_path / "whole", patience=1)
    assert whole[1]["epoch"] == [0, 1, 2]
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", Kill(2), patience=1)
    assert_same(train(tmp_path / "killed", patience=1), whole)


def test_more_epochs_go_on_and_fewer_begin_anew(undisturbed, tmp_path):
    lines = []
    train(tmp_path, epochs=3)
    assert_same(train(tmp_path, epochs=EPOCHS, lines=lines), undisturbed)
    assert lines[0] == "the training goes on after epoch 3"
    assert lines[1].startswith(f"epoch 4 of {EPOCHS}: loss ")
    assert len(lines) == 1 + EPOCHS - 3
    _, history = train(tmp_path, epochs=2, lines=lines)
    assert history["epoch"] == [0, 1]
    assert any("begins anew" in line for line in lines)


def test_a_training_that_a_callback_ended_has_ended(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    whole = train(tmp_path, Stop())
    assert whole[1]["epoch"] == [0, 1, 2]
    assert_same(train(tmp_path, Kill(3, 0)), whole)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Kill(3, 0), epochs=EPOCHS + 1)


def test_of_equal_epochs_the_first_is_best(tmp_path):
    progress = TrainingProgress(tmp_path, "score")
    progress.rows = [{"epoch": i, "score": score} for i, score in enumerate([0.1, 0.4, 0.4])]
    assert progress.best["epoch"] == 1


def test_one_training_at_a_time_has_the_folder(tmp_path):
    with hold_folder(tmp_path), pytest.raises(RuntimeError, match="one process at a time"):
        train(tmp_path)


def test_other_settings_begin_anew_and_say_what_changed(tmp_path):
    lines = []
    train(tmp_path, rate=0.5, epochs=3)
    assert_same(train(tmp_path, epochs=3, lines=lines), train(tmp_path / "fresh", epochs=3))
    assert lines[0] == "the training begins anew, because this has changed: rate"


def test_a_loss_that_is_not_finite_stops_and_is_not_the_best(undisturbed, tmp_path):
    with pytest.raises(TrainingError, match=r"Epoch 1 ended with a loss.*Lower the learning rate"):
        train(tmp_path, rate=float("inf"))
    assert_same(train(tmp_path), undisturbed)


def test_weights_that_are_not_finite_stop_though_the_loss_is(tmp_path):
    class Break(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[0].kernel.assign_add(tf.fill((3, 4), np.nan))

    with pytest.raises(TrainingError, match=r"weight 'dense.*kernel"):
        train(tmp_path, Break())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1"),
        ({"patience": -1}, "`patience` must be 0 or more"),
        ({"mode": "up"}, '`mode` must be "max" or "min"'),
    ],
)
def test_limits_out_of_range_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path, **arguments)


def test_a_name_that_the_logs_lack_is_refused(tmp_path):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    progress = TrainingProgress(tmp_path, "ndcg")
    with pytest.raises(ValueError, match=r"`monitor` must be a name in the logs.*loss"):
        model.fit(np.eye(3), np.ones(3), callbacks=[progress], verbose=0)


def test_a_file_of_another_form_is_named(tmp_path):
    (tmp_path / "progress.json").write_text(json.dumps([1]))
    with pytest.raises(ValueError, match=r"progress\.json must be as this package writes it"):
        train(tmp_path)


def test_a_checkpoint_that_is_cut_off_is_named(tmp_path):
    train(tmp_path, epochs=2)
    for path in (tmp_path / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"checkpoints/0001 must hold the weights.*delete"):
        train(tmp_path, epochs=2)


def train_in_steps(folder, *callbacks, save_every=2, lines=None):
    """Trains a retriever, whose metrics are all known, on batches in a new order each epoch."""
    keras.utils.set_random_seed(1)
    tower = keras.Sequential([keras.layers.Embedding(20, 4), keras.layers.Dropout(0.2)])
    towers = tower, keras.layers.Embedding(20, 4)
    model = TwoTower(*towers, item_id="item", query_column="user", candidate_column="item")
    model.compile(keras.optimizers.Adam(0.05), run_eagerly=True)
    rows = {"user": np.arange(20), "item": np.arange(20) % 7}
    batches = tf.data.Dataset.from_tensor_slices(rows).shuffle(20, seed=3).batch(4)
    history = fit_resumable(
        model, batches, folder, monitor="loss", mode="min", epochs=2, save_every=save_every,
        callbacks=callbacks, print_fn=[].append if lines is None else lines.append,
    )  # fmt: skip
    return [w for w in model.get_weights() if w.dtype.kind == "f"], history


class Rows(keras.callbacks.Callback):
    """Keeps the loss after every step, a fingerprint of all rows that were trained on before."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


@pytest.mark.slow
def test_a_kill_within_an_epoch_costs_the_steps_since_the_last_writing(tmp_path):
    watched, lines, after = Rows(), [], Rows()
    whole = train_in_steps(tmp_path / "whole", watched)
    # The epoch after one that was resumed is whole: its last step is reached, too.
    for at in ((0, 2), (1, 4)):
        with pytest.raises(KeyboardInterrupt):
            train_in_steps(tmp_path / "killed", Kill(*at))
    assert_same(train_in_steps(tmp_path / "killed", after, lines=lines), whole)
    assert lines[:2] == ["the training goes on after epoch 1",
                         "the training goes on after step 4 of epoch 2"]  # fmt: skip
    # The same rows in the same order: the mean loss of the epoch is the same after each step.
    assert after.losses == watched.losses[-1:]
    assert len(list((tmp_path / "killed" / "steps").iterdir())) == 2
    with pytest.raises(ValueError, match="`save_every` must be at least 1"):
        train_in_steps(tmp_path / "wrong", save_every=0)


def test_options_of_the_batches_hold_where_steps_are_saved(tmp_path, monkeypatch):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    given, fit = [], model.fit
    monkeypatch.setattr(model, "fit", lambda x, **kwargs: given.append(x) or fit(x, **kwargs))
    options = tf.data.Options()
    options.autotune.enabled = False  # `tfrs_ext.data` sets it.
    data = batches().with_options(options)
    fit_resumable(model, data, tmp_path, monitor="loss", epochs=1, save_every=1, verbose=0)
    assert [x.options().autotune.enabled for x in given] == [False]

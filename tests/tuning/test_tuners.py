"""keras-tuner's own tuners on a TFRS model: search, checkpoints, callbacks."""

import json
import pathlib

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.sweeps import mostly_slow
from tests.tuning import toy
from tfrs_ext import tuning
from tfrs_ext._keras import keras
from tfrs_ext.tuning import bridge, repairs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")


def tuner_of(kind, folder, **kwargs):
    objective = tuning.Objective(toy.OBJECTIVE, "max")
    return kind(
        toy.build, objective=objective, directory=folder, project_name="p", seed=5, **kwargs
    )


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    mostly_slow(
        [
            (tuning.RandomSearch, {"max_trials": 2}),
            (tuning.BayesianOptimization, {"max_trials": 4, "num_initial_points": 2}),
            (tuning.GridSearch, {"max_trials": 2}),
            (tuning.Hyperband, {"max_epochs": 2, "factor": 2}),
        ],
        lambda case: case[0] is tuning.RandomSearch,
    ),
)
def test_search_finds_the_best_epoch_and_its_weights(kind, kwargs, tmp_path):
    data = toy.interactions()
    tuner = tuner_of(kind, tmp_path, **kwargs)
    tuner.search(data, validation_data=data, epochs=2, callbacks=[toy.Evaluation(data)], verbose=0)
    trials = tuner.oracle.get_best_trials(99)
    assert {trial.status for trial in trials} == {"COMPLETED"}
    scores = [trial.score for trial in trials]
    assert scores == sorted(scores, reverse=True)
    assert toy.ndcg(tuner.get_best_models()[0], data) == pytest.approx(scores[0])


@pytest.mark.slow
def test_hyperband_goes_on_from_the_weights_of_the_earlier_trial(tmp_path):
    data = toy.interactions()
    seen = {}

    class Start(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.setdefault("ndcg", []).append(toy.ndcg(self.model, data))

    tuner = tuner_of(tuning.Hyperband, tmp_path, max_epochs=2, factor=2)
    callbacks = [toy.Evaluation(data), Start()]
    tuner.search(data, validation_data=data, callbacks=callbacks, verbose=0)
    trials = list(tuner.oracle.trials.values())
    later = [i for i, t in enumerate(trials) if "tuner/trial_id" in t.hyperparameters.values]
    assert later
    for i in later:
        earlier = tuner.oracle.get_trial(trials[i].hyperparameters.values["tuner/trial_id"])
        assert seen["ndcg"][i] == pytest.approx(earlier.score)


@pytest.mark.slow
def test_early_stopping_and_hparams_of_tensorboard_work(tmp_path):
    data = toy.interactions()
    callbacks = [
        toy.Evaluation(data),
        keras.callbacks.EarlyStopping(toy.OBJECTIVE, mode="max", patience=0, min_delta=1.0),
        keras.callbacks.TensorBoard(str(tmp_path / "logs")),
    ]
    epochs = []
    callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: epochs.append(e)))
    tuner = tuner_of(tuning.RandomSearch, tmp_path, max_trials=2)
    tuner.search(data, validation_data=data, epochs=5, callbacks=callbacks, verbose=0)
    assert epochs == [0, 1, 0, 1]
    for trial in tuner.oracle.trials:
        reader = EventAccumulator(str(tmp_path / "logs" / trial / "execution0"))
        reader.Reload()
        assert "_hparams_/session_start_info" in reader.PluginTagToContent("hparams")


def test_callbacks_start_every_trial_afresh_and_share_what_cannot_be_copied(tmp_path):
    callback = toy.Evaluation({"nested": [toy.interactions()]})
    callback.history = [1.0]
    callback.set_model(keras.Sequential())
    (copy,) = repairs.copy_callbacks([callback])
    copy.history.append(2.0)
    assert callback.history == [1.0]
    assert copy.data["nested"][0] is callback.data["nested"][0]
    assert copy.model is callback.model


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "oracle.json"
    repairs.save_json(path, {"trials": 1})
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "replace", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            repairs.save_json(path, {"trials": 2})
    assert json.loads(path.read_text()) == {"trials": 1}
    repairs.save_json(path, {"trials": np.float64(3.0)})
    assert json.loads(path.read_text()) == {"trials": 3}
    assert bridge.keras_tuner.src.utils.save_json is repairs.save_json

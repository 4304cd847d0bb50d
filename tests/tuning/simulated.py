"""Trials whose learning curves are known, without training: for the search's own behaviour."""

from tests.tuning.toy import OBJECTIVE
from tfrs_ext import tuning
from tfrs_ext._keras import keras
from tfrs_ext.tuning import bridge


def without_collecting_garbage(monkeypatch):
    """Leaves out what keras-tuner does before each model, which costs a second here."""
    monkeypatch.setattr(bridge.keras_tuner.src.engine.tuner.gc, "collect", lambda: 0)


class Weightless(keras.Sequential):
    def save_weights(self, filepath):
        pass

    def load_weights(self, filepath):
        pass


class Killed(BaseException):
    """Ends a search as SIGKILL does: nothing of ours or keras-tuner's catches it."""


def curve(values, epoch):
    """Rises with the epochs towards a height that the hyper-parameters set."""
    return values["height"] * (1 - 0.5 ** (epoch + 1)) + 0.001 * values["kind"]


class Simulated(tuning.HyperModel):
    def __init__(self, curve=curve):
        super().__init__()
        self.curve = curve
        self.trained = []

    def build(self, hp):
        hp.Choice("height", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
        hp.Int("kind", 1, 3)
        return Weightless()

    def fit(self, hp, model, epochs=4, initial_epoch=0, callbacks=(), verbose=0):
        history = keras.callbacks.CallbackList(callbacks, add_history=True, model=model)
        history.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            history.on_epoch_end(epoch, {OBJECTIVE: self.curve(hp.values, epoch)})
            if model.stop_training:
                break
        self.trained.append(dict(hp.values))
        return model.history


def tuner_of(kind, folder, hypermodel=None, **kwargs):
    objective = tuning.Objective(OBJECTIVE, "max")
    hypermodel = Simulated() if hypermodel is None else hypermodel
    return kind(
        hypermodel, objective=objective, directory=folder, project_name="p", seed=5, **kwargs
    )


KINDS = [
    (tuning.RandomSearch, {"max_trials": 4}),
    (tuning.BayesianOptimization, {"max_trials": 4, "num_initial_points": 3}),
    (tuning.GridSearch, {"max_trials": 5}),
    (tuning.LocalSearch, {"max_trials": 5}),
    (tuning.Hyperband, {"max_epochs": 4, "factor": 2}),
]

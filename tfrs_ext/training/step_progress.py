"""Where a training stands in the middle of an epoch."""

import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.files import read_json, write_json
from tfrs_ext.models import Model
from tfrs_ext.training.checkpoints import write_checkpoint
from tfrs_ext.training.random_states import track_random_states

_FILE, _FOLDER = "position.json", "steps"


class StepProgress(keras.callbacks.Callback):
    """Writes weights, metrics and the place in the data every so many steps of an epoch.

    One file, `position.json`, is the truth: it names the epoch, the step after which it was
    written, and the checkpoint, which was whole before. It counts as long as its epoch isn't over.
    After an epoch's last step nothing is written: no step would be left to go on with.

    Args:
        folder: The folder of `fit_resumable`.
        every: After how many steps it is written.
    """

    def __init__(self, folder: pathlib.Path, every: int) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`save_every` must be at least 1, received save_every={every}.")
        self._folder, self._every = folder, every
        self._first = self._epoch = 0
        self._last: int | None = None  # Steps of an epoch, once they are known.
        self._step = 0
        self._restored = ""
        self._known: set[str] = set()  # The metrics that have what they had before the stop.

    def resume(self, model: keras.Model, epoch: int) -> int:
        """Gives a model what it had in the middle of an epoch.

        Args:
            model: Built as the model of that training was.
            epoch: The epoch to go on with, from 0.

        Returns:
            How many steps of the epoch were trained; 0 where nothing of it was written.

        Raises:
            ValueError: What was written can't be read.
        """
        found = read_json(self._folder / _FILE)
        if not found or found["epoch"] != epoch:
            return 0
        self._restored = str(self._folder / _FOLDER / found["checkpoint"])
        try:
            tf.train.Checkpoint(model=model).read(self._restored).expect_partial()
        except (tf.errors.OpError, ValueError) as error:
            raise ValueError(
                f"{self._restored} must hold the weights of this model, and can't be read: delete "
                f"{self._folder / _FILE}, and the epoch begins anew."
            ) from error
        self._first = int(found["step"])
        return self._first

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Gives the metrics, which Keras has begun anew, what they had."""
        self._epoch = epoch
        if self.params.get("steps") is not None:
            self._last = self._first + self.params["steps"]
        if self._restored:
            _checkpoint(self.model).read(self._restored).expect_partial()
            self._known = set(_metrics(self.model))

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Writes where the training stands."""
        if self._restored:
            self._restore_late_metrics()
        self._step = step = self._first + batch + 1
        if step % self._every or step == self._last:
            return
        name = f"{self._epoch:04d}-{step:09d}"
        track_random_states(self.model)
        write_checkpoint(_checkpoint(self.model), self._folder / _FOLDER / name)
        write_json(self._folder / _FILE, {"epoch": self._epoch, "step": step, "checkpoint": name})
        self._remove_others(name)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Begins the next epoch with its first batch."""
        self._first, self._last = 0, self._step

    def forget(self) -> None:
        """Removes what was written, so that the training begins anew."""
        (self._folder / _FILE).unlink(missing_ok=True)
        self._remove_others("")

    def _restore_late_metrics(self) -> None:
        """Adds what metrics had that Keras has made with this first step only.

        States of metrics add up, as those of replicas do.
        """
        metrics = _metrics(self.model)
        late = {name: metrics[name] for name in sorted(set(metrics) - self._known)}
        steps = {name: metric.get_weights() for name, metric in late.items()}
        found = tf.train.Checkpoint(metrics=tf.train.Checkpoint(**late))
        found.read(self._restored).expect_partial()
        for name, metric in late.items():
            parts = zip(metric.get_weights(), steps[name], strict=True)
            metric.set_weights([before + step for before, step in parts])
        self._restored = ""

    def _remove_others(self, kept: str) -> None:
        for path in (self._folder / _FOLDER).glob("*"):
            if not kept or not path.name.startswith(f"{kept}."):
                path.unlink()


def _checkpoint(model: keras.Model) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(model=model, metrics=tf.train.Checkpoint(**_metrics(model)))


def _metrics(model: keras.Model) -> dict[str, keras.metrics.Metric]:
    metrics = model.epoch_metrics() if isinstance(model, Model) else model.metrics
    # By name, since Keras makes some of them with the first batch.
    return {metric.name: metric for metric in metrics}

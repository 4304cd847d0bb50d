"""Where a training stands: weights, history and patience, written together after every epoch."""

import csv
import json
import math
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.files import read_json, replace_file, write_json
from tfrs_ext.training.checkpoints import write_checkpoint
from tfrs_ext.training.random_states import track_random_states
from tfrs_ext.typing import PathLike


class TrainingError(RuntimeError):
    """A training that can't go on: its loss or its weights aren't finite."""


class TrainingProgress(keras.callbacks.Callback):
    """Writes where a training stands after every epoch, and ends it when it no longer improves.

    One file, `progress.json`, is the truth. It is replaced after the epoch's checkpoint is whole,
    so that what it names is whole at every moment:

        checkpoints/0003.*  the latest epoch: weights, optimizer
        checkpoints/0002.*  the best epoch
        progress.json       the epochs' logs, which is best, how many have not improved since
        history.csv         the same logs, for people

    An epoch whose loss or weights aren't finite is not written: it can't become the best one.

    Args:
        folder: Where the files are.
        monitor: The name in the logs that says how good the model is. Callbacks that put it there
            come before this one in the list.
        mode: `"max"` where larger values are better, `"min"` where smaller ones are.
        patience: How many epochs without improvement end the training; None never ends it.
        settings: What decides the training, as `fit_resumable` takes it; kept in the file.

    Attributes:
        rows: The logs of every epoch so far, a dict with `epoch` for each.

    Relations:
        `fit_resumable` is the function that uses it.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> progress = TrainingProgress(tempfile.mkdtemp(), "loss", mode="min")
        >>> _ = model.fit(np.eye(4), np.ones(4), epochs=2, callbacks=[progress], verbose=0)
        >>> [row["epoch"] for row in progress.rows], progress.best["epoch"]
        ([0, 1], 1)
    """

    def __init__(
        self,
        folder: PathLike,
        monitor: str,
        mode: str = "max",
        patience: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("max", "min"):
            raise ValueError(f'`mode` must be "max" or "min", received {mode!r}.')
        if patience is not None and patience < 0:
            raise ValueError(f"`patience` must be 0 or more, received patience={patience}.")
        self.folder = pathlib.Path(folder)
        self.monitor, self.mode, self.patience = monitor, mode, patience
        self.settings = {"monitor": monitor, "mode": mode, **(settings or {})}
        self.rows: list[dict[str, float]] = []
        self._ended_with: dict[str, int | None] | None = None

    @property
    def best(self) -> dict[str, float] | None:
        """The row of the best epoch; of equal ones the first."""
        return self._best(self.rows)

    def read(self) -> list[str]:
        """Reads what an earlier training has written in the folder, if there was one.

        Returns:
            The names of the settings in which that training differs from this one. Where there are
            any, nothing is read.
        """
        path = self.folder / "progress.json"
        found = read_json(path)
        if found is None:
            return []
        try:
            theirs, rows, ended_with = (found[name] for name in ("settings", "rows", "ended_with"))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} must be as this package writes it: delete it.") from error
        ours = json.loads(json.dumps(self.settings))
        changed = [n for n in sorted({*ours, *theirs}) if ours.get(n) != theirs.get(n)]
        if not changed:
            self.rows, self._ended_with = rows, ended_with
        return changed

    def is_over(self, epochs: int) -> bool:
        """Returns whether no epoch is left to train.

        Args:
            epochs: The most epochs that are trained.
        """
        is_long_enough = len(self.rows) >= epochs or self._is_out_of_patience()
        return is_long_enough or self._ended_with == self._limits(epochs)

    def is_too_long(self, epochs: int) -> bool:
        """Returns whether more epochs were trained than these limits allow.

        Args:
            epochs: The most epochs that are trained.
        """
        lengths = range(1, len(self.rows))
        return len(self.rows) > epochs or any(self._is_out_of_patience(n) for n in lengths)

    def forget(self) -> None:
        """Removes what was written, so that the training begins anew."""
        self.rows, self._ended_with = [], None
        (self.folder / "progress.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)

    def finish(self, epochs: int) -> None:
        """Writes that the training has ended, also where another callback has ended it.

        Args:
            epochs: The most epochs that were to be trained.
        """
        self._ended_with = self._limits(epochs)
        self._write()

    def restore(self, model: keras.Model, epoch: float) -> None:
        """Gives a model the weights and the optimizer that it had after an epoch.

        Args:
            model: Built as the model of that training was.
            epoch: The latest epoch or the best one.
        """
        prefix = self._prefix(epoch)
        try:
            status = tf.train.Checkpoint(model=model).read(str(prefix))
            status.assert_existing_objects_matched().expect_partial()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise ValueError(
                f"{prefix} must hold the weights of this model, and can't be read: delete "
                f"{self.folder}, and the training begins anew."
            ) from error

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Checks the epoch and writes it."""
        row = {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        self._check(row)
        self.rows = [old for old in self.rows if old["epoch"] < epoch] + [row]
        track_random_states(self.model)
        write_checkpoint(tf.train.Checkpoint(model=self.model), self._prefix(epoch))
        self._write()
        self._remove_old_checkpoints()
        if self._is_out_of_patience():
            self.model.stop_training = True

    def _limits(self, epochs: int) -> dict[str, int | None]:
        return {"epochs": epochs, "patience": self.patience}

    def _is_out_of_patience(self, length: int | None = None) -> bool:
        best = self._best(self.rows[:length])
        if best is None or self.patience is None:
            return False
        return self.rows[:length][-1]["epoch"] - best["epoch"] >= max(1, self.patience)

    def _best(self, rows: Sequence[dict[str, float]]) -> dict[str, float] | None:
        choose = max if self.mode == "max" else min
        return choose(rows, key=lambda row: row[self.monitor], default=None)

    def _check(self, row: Mapping[str, float]) -> None:
        if self.monitor not in row:
            raise ValueError(
                f"`monitor` must be a name in the logs, received {self.monitor!r}; the logs hold "
                f"{', '.join(row)}. The callback that puts it there must come first."
            )
        wrong = [name for name in ("loss", self.monitor) if not math.isfinite(row.get(name, 0.0))]
        if not wrong:
            wrong = [f"weight {name!r}" for name in _infinite_weights(self.model)[:1]]
        if wrong:
            raise TrainingError(
                f"Epoch {int(row['epoch']) + 1} ended with a {wrong[0]} that isn't a finite "
                "number, so it isn't kept. Lower the learning rate, or look for missing or huge "
                "numbers in the data."
            )

    def _write(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with replace_file(self.folder / "history.csv") as part, part.open("w") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows(self.rows)
        state = {"settings": self.settings, "rows": self.rows, "ended_with": self._ended_with}
        write_json(self.folder / "progress.json", state)

    def _prefix(self, epoch: float) -> pathlib.Path:
        return self.folder / "checkpoints" / f"{int(epoch):04d}"

    def _remove_old_checkpoints(self) -> None:
        kept = {f"{int(row['epoch']):04d}" for row in (self.rows[-1], self.best or self.rows[-1])}
        for path in (self.folder / "checkpoints").iterdir():
            if path.name.split(".")[0] not in kept:
                path.unlink()


def read_history(folder: PathLike) -> dict[str, list[float]]:
    """Returns the logs of a training, from the folder that `fit_resumable` was given.

    Args:
        folder: The folder; where it holds no training, the history is empty.

    Returns:
        From each name in the logs to its values, one an epoch, and `epoch`, counted from 0: what
        `report.RunSummary(history=…)` takes. An epoch that lacks a name has NaN.

    Example:
        >>> read_history("no/such/folder")
        {}
    """
    state = read_json(pathlib.Path(folder, "progress.json")) or {"rows": []}
    names = dict.fromkeys(name for row in state["rows"] for name in row)
    return {name: [row.get(name, math.nan) for row in state["rows"]] for name in names}


def _infinite_weights(model: keras.Model) -> Sequence[str]:
    """Returns the names of the weights that hold NaN or infinity."""
    weights = [weight for weight in model.weights if weight.dtype.is_floating]
    return [w.name for w in weights if not tf.reduce_all(tf.math.is_finite(w))]

"""When an evaluation runs: after epochs of `fit`, and once in `model.evaluate`."""

import abc
from collections.abc import Mapping

from tfrs_ext._keras import keras

Logs = dict[str, float]


class EpochEvaluation(keras.callbacks.Callback, abc.ABC):
    """Puts the values of an evaluation into the logs; subclasses say what is measured.

    Args:
        every: How many epochs lie between evaluations: the first and the last epoch are evaluated,
            and in between the last values are repeated, so that callbacks that come later in the
            list find their metric in each epoch.
        prefix: What the names in the logs begin with.

    Raises:
        ValueError: `every` isn't positive.

    Relations:
        `RetrievalEvaluation` and `UserAUC` are such callbacks. `training.fit_resumable` lets them
        go on where a training was stopped.

    Example:
        >>> class Weights(EpochEvaluation):
        ...     def measure(self):
        ...         return {"weights": float(self.model.count_params())}
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.eye(4), np.ones(4), verbose=0, callbacks=[Weights()])
        >>> history.history["val_weights"]
        [5.0]
    """

    def __init__(self, every: int = 1, prefix: str = "val_") -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be a positive integer, received every={every}.")
        self.params: dict[str, int] = {}
        self._every, self._prefix = every, prefix
        self._latest: Logs | None = None
        self._is_fitting = False
        self._before: tuple[Mapping[str, float] | None, int] | None = None
        self._row: Mapping[str, float] = {}
        self._epochs: int | None = None

    @property
    def every(self) -> int:
        """How many epochs lie between evaluations."""
        return self._every

    @abc.abstractmethod
    def measure(self) -> Logs:
        """Evaluates the model as it is now, and returns values by name."""

    def go_on(self, row: Mapping[str, float] | None, epochs: int) -> None:
        """Makes the next `fit` a part of a longer training.

        Args:
            row: The logs of the epoch before it, whose values are repeated up to the next
                evaluation; None where it is the first.
            epochs: How many epochs the whole training has.
        """
        self._before = (row, epochs)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets what was found in another training."""
        row, self._epochs = self._before or (None, self.params.get("epochs"))
        self._latest = None if row is None else {}
        self._row, self._before, self._is_fitting = row or {}, None, True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Knows that a test from now on isn't the validation of an epoch."""
        self._is_fitting = False

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Evaluates at the end of `model.evaluate`, but not in the validation of `fit`."""
        if not self._is_fitting:
            self._evaluate_into(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the values to the logs."""
        is_last = epoch + 1 == self._epochs
        if self._latest is None or epoch % self._every == 0 or is_last:
            self._evaluate_into(logs)
        else:
            self._add_latest_to(logs)

    def _evaluate_into(self, logs: Logs | None) -> None:
        self._latest, self._row = self.measure(), {}
        self._add_latest_to(logs)

    def _add_latest_to(self, logs: Logs | None) -> None:
        if logs is not None and self._latest is not None:
            logs.update({self._prefix + name: value for name, value in self._latest.items()})
            # The row before holds values of others too: what they have found since comes first.
            repeated = (name for name in self._row if name.startswith(self._prefix))
            logs.update({name: self._row[name] for name in repeated if name not in logs})

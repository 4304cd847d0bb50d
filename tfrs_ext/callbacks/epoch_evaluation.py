"""When an evaluation runs: after epochs of `fit`, and once in `model.evaluate`."""

import abc

from tfrs_ext._keras import keras

Logs = dict[str, float]


class EpochEvaluation(keras.callbacks.Callback, abc.ABC):
    """Puts the values of an evaluation into the logs; subclasses say what is measured.

    Args:
        every: How many epochs lie between evaluations: the first and the last epoch are evaluated,
            and in between the last values are repeated, so that callbacks that come later in the
            list find their metric in each epoch.
        prefix: What the names in the logs begin with.
    """

    def __init__(self, every: int, prefix: str) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"`every` must be a positive integer, received every={every}.")
        self.params: dict[str, int] = {}
        self._every, self._prefix = every, prefix
        self._latest: Logs | None = None
        self._is_fitting = False

    @abc.abstractmethod
    def measure(self) -> Logs:
        """Evaluates the model as it is now, and returns values by name."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets what was found in another training."""
        self._latest, self._is_fitting = None, True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Knows that a test from now on isn't the validation of an epoch."""
        self._is_fitting = False

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Evaluates at the end of `model.evaluate`, but not in the validation of `fit`."""
        if not self._is_fitting:
            self._evaluate_into(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the values to the logs."""
        is_last = epoch + 1 == self.params.get("epochs")
        if self._latest is None or epoch % self._every == 0 or is_last:
            self._evaluate_into(logs)
        else:
            self._add_latest_to(logs)

    def _evaluate_into(self, logs: Logs | None) -> None:
        self._latest = self.measure()
        self._add_latest_to(logs)

    def _add_latest_to(self, logs: Logs | None) -> None:
        if logs is not None and self._latest is not None:
            logs.update({self._prefix + name: value for name, value in self._latest.items()})

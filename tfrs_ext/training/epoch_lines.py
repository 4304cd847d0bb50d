"""One line an epoch, for consoles and logs alike."""

import time
from collections.abc import Mapping
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.training.progress import TrainingProgress
from tfrs_ext.typing import PrintFn


class EpochLines(keras.callbacks.Callback):
    """Says how each epoch went: the loss, what decides, which epoch is best, and the time.

    Args:
        progress: Where the training stands; it comes before this one in the list of callbacks.
        epochs: The most epochs that are trained.
        print_fn: Takes a line.
    """

    def __init__(self, progress: TrainingProgress, epochs: int, print_fn: PrintFn) -> None:
        super().__init__()
        self._progress, self._epochs, self._print_fn = progress, epochs, print_fn
        self._began = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Takes the time."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Says how it went."""
        row, best, name = self._progress.rows[-1], self._progress.best, self._progress.monitor
        parts = [f"{n} {row[n]:.4g}" for n in dict.fromkeys(("loss", name)) if n in row]
        if best is not None:
            parts[-1] += f" (best {best[name]:.4g} in epoch {int(best['epoch']) + 1})"
        seconds = time.monotonic() - self._began
        self._print_fn(f"epoch {epoch + 1} of {self._epochs}: {', '.join(parts)}, {seconds:.0f} s")

"""The temperature and the estimates of Q, epoch by epoch."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.frequencies import StreamingFrequency
from tfrs_ext.layers import LearnableTemperature, Temperature
from tfrs_ext.typing import TensorLike


class TrainingTrace(keras.callbacks.Callback):
    """Puts the temperature and the mean of log Q over groups of items into the logs of epochs.

    `temperature = 1 / scale`, `log_q_<group> = mean over the group of log Q(item)`. A temperature
    that is learned may run to its bound, and estimates from the stream may not have settled when
    training ends: both are seen in a curve and in nothing else. A temperature that is a number, and
    frequencies that were counted beforehand, stand still and are left out.

    The logs reach `History`, `CSVLogger`, TensorBoard and every callback that comes after this one
    in the list. `report.RunSummary(history=…)` draws them.

    Args:
        items: Item ids by the name of their group, such as those of the head, the middle and the
            tail of popularity; a few hundred of each will do.

    Relations:
        `callbacks.RetrievalEvaluation` puts metrics of the whole catalogue into the logs.

    Example:
        >>> from tfrs_ext import layers, models, tasks
        >>> from tfrs_ext.features import Categorical
        >>> user, item = Categorical("user", (1, 2)), Categorical("item", (7, 8))
        >>> task = tasks.Retrieval(temperature=layers.LearnableTemperature(initial=0.25))
        >>> trace = TrainingTrace()
        >>> trace.set_model(models.TwoTower.from_features([user], [item], task))
        >>> trace.on_epoch_end(0, logs := {})
        >>> logs
        {'temperature': 0.25}
    """

    def __init__(self, items: Mapping[str, TensorLike] | None = None) -> None:
        super().__init__()
        self._items = {name: tf.convert_to_tensor(ids) for name, ids in (items or {}).items()}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Adds the values to the logs."""
        if logs is None:
            return
        temperature = self._part((Temperature, LearnableTemperature))
        if temperature is not None:
            logs["temperature"] = 1.0 / float(temperature(training=False))
        frequency = self._part((StreamingFrequency,))
        if frequency is not None:
            for name, ids in self._items.items():
                log_q = frequency(ids, training=False)
                logs[f"log_q_{name}"] = float(tf.reduce_mean(log_q))

    def _part(self, kinds: tuple[type[keras.layers.Layer], ...]) -> keras.layers.Layer | None:
        """Returns the model's first layer of a kind, wherever it is, or None."""
        return next((part for part in self.model.submodules if isinstance(part, kinds)), None)

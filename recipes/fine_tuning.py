"""Both stages of `recipes.pretraining` as functions of their hyper-parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext import losses, models, negatives, optimizers, tasks, tuning


class Pretraining(tuning.RetrievalHyperModel):
    """Stage one: any retriever, by the full-product softmax over the batch."""

    @property
    def usual_values(self) -> Mapping[str, Any]:
        """The values that aren't searched."""
        usual = {"loss": "full_product_softmax", "negatives": "in_batch"}
        return {**super().usual_values, **usual}


class FineTuning(tuning.HyperModel):
    """Stage two: what was taken against what was shown beside it, from what stage one has learnt.

    Args:
        pretrained: What stage one has learnt.
        loss: Of stage two.
        columns: The items' columns, the ids first; `data.impressions_dataset` adds those of what
            was shown.
        rates: From names of layers to factors of the learning rate; 0 freezes.
        padding: The id that stands where fewer items were shown, -1 or `""`.
    """

    objective = tuning.Objective("val_loss", "min")

    def __init__(
        self,
        pretrained: models.TwoTower,
        loss: losses.RetrievalLoss,
        columns: Sequence[str],
        rates: Mapping[str, float],
        padding: int | str = -1,
    ) -> None:
        super().__init__()
        self._pretrained, self._loss, self._rates = pretrained, loss, rates
        shown = {name: f"shown_{name}" for name in columns}
        self._shown = negatives.Explicit(shown, columns[0], padding, shared=False)

    def build(self, hp: tuning.HyperParameters) -> models.TwoTower:
        """Returns a compiled model with the weights of stage one.

        Args:
            hp: The hyper-parameters.
        """
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
        tuning.space.batch_size(hp)
        model = type(self._pretrained).from_config(self._pretrained.get_config())
        task = self._pretrained.task.get_config()  # Scores keep their temperature.
        changed = {"loss": self._loss, "negatives": self._shown, "num_hard_negatives": None}
        model.task = tasks.Retrieval.from_config({**task, **changed})
        models.warm_start(model, self._pretrained)
        optimizer = optimizers.LazyAdam(rate)
        model.compile(models.layerwise_rates(model, optimizer, self._rates))
        return model

    def fit(
        self, hp: tuning.HyperParameters, model: models.TwoTower, train: Any, **options: Any
    ) -> tf.keras.callbacks.History:
        """Fits a model.

        Args:
            hp: The hyper-parameters.
            model: From `build`.
            train: From a batch size to batches.
            **options: What `model.fit` is given.
        """
        return model.fit(train(tuning.space.batch_size(hp)), **options)

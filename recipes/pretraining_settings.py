"""What both stages of `recipes.pretraining` are trained, chosen and tested on."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext import data, losses, models, report, tuning

from . import shared
from .fine_tuning import FineTuning, Pretraining
from .retriever_settings import RetrieverSettings

LOSSES = {
    "softmax": losses.SampledSoftmax,
    "pairwise": losses.PairwiseCrossEntropy,
    "pointwise": losses.SampledBinaryCrossEntropy,
}


@dataclasses.dataclass(frozen=True)
class PretrainingSettings(RetrieverSettings):
    """What one run is told, and the data that its steps share."""

    loss: str
    rates: Mapping[str, float]
    shown: int
    positive_from: float | None
    positive_values: tuple[str, ...]

    @functools.cached_property
    def frames(self) -> data.Frames:
        """All data, with labels where a column holds them."""
        return shared.load_labelled(self.source, self.positive_from, self.positive_values)

    @functools.cached_property
    def labelled(self) -> data.Split:
        """The parts with what was shown: the data of stage two."""
        return shared.split_labelled(self.source, self.frames, self.seed, self.shown)

    @functools.cached_property
    def split(self) -> data.Split:
        """The parts with what was taken: the data of stage one, and of questions."""
        parts = (self.labelled.train, self.labelled.validation, self.labelled.test)
        return data.Split(*map(data.keep_positives, parts))

    def hypermodel(self) -> tuning.RetrievalHyperModel:
        """Stage one as a function of its hyper-parameters."""
        known = self.split.train
        counts = data.item_counts(known)
        return Pretraining(self.features.query, self.features.candidate, counts, model=self.model)

    def fine_tuning(self, pretrained: models.TwoTower) -> FineTuning:
        """Stage two as a function of its hyper-parameters."""
        names = [feature.name for feature in self.features.candidate]
        padding = self.features.history.padding
        return FineTuning(pretrained, LOSSES[self.loss](), names, self.rates, padding)

    def impressions(self, batch_size: int) -> tf.data.Dataset:
        """Batches of stage two."""
        train = self.labelled.train
        return data.impressions_dataset(
            train, self.features, batch_size, self.shown, seed=self.seed
        )

    @functools.cached_property
    def shown_later(self) -> tf.data.Dataset:
        """Batches that choose between models of stage two, computed once."""
        part, train = self.labelled.validation, self.labelled.train
        options = {"history": train, "shuffle": False, "seed": self.seed}
        return data.impressions_dataset(part, self.features, 4096, self.shown, **options).cache()

    def check_rates(self) -> None:
        """Refuses names of layers that there aren't, before a long training."""
        tuned = shared.read_mapping(self.runs / "pretraining" / "hparams.json")
        model = self.hypermodel().build(tuning.fixed(tuned))
        try:
            models.layerwise_rates(model, "adam", self.rates)
        except ValueError as error:
            raise ValueError(f"`rate` doesn't fit: {error}") from error

    def summarize(self, manifest: Mapping[str, Any] | None = None) -> report.RunSummary:
        """Returns what is known of the run, from the files that its steps have written."""
        title = f"Pre-training and fine-tuning by {self.loss}, {self.model}"
        found = shared.summarize(self, title, FineTuning.objective.name, manifest)
        return dataclasses.replace(found, direction=FineTuning.objective.direction)

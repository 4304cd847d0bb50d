"""What a retriever is trained, chosen and tested on, as several recipes need it."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext import baselines, callbacks, data, files, models, negatives, report, tuning
from tfrs_ext.features import Feature

from . import shared

SHOWN = (10, 100)
CURVE = (1, 2, 5, 10, 20, 50, 100)
SHORT, LONG = 50, 200  # The most items of a history that a model reads.


@dataclasses.dataclass(frozen=True)
class RetrieverSettings(shared.Settings):
    """What one run is told, and the data that its steps share."""

    index: str
    model: str
    workers: int = dataclasses.field(default=1, kw_only=True)

    @functools.cached_property
    def features(self) -> data.FeatureSet:
        """The columns of both towers, with facts from the training part."""
        length = LONG if self.reads_sequences and not self.source.smoke else SHORT
        return data.fit_features(self.split.train, history_length=length)

    @property
    def reads_sequences(self) -> bool:
        """Whether the model trains on whole histories, not on single rows."""
        return not self.is_baseline and models.RETRIEVERS[self.model].model.reads_sequences

    @property
    def query_features(self) -> tuple[Feature, ...]:
        """The columns of queries: those of users, and the context that requests bring along.

        A model of sequences asks at every item of a history, whose contexts aren't read.
        """
        return self.features.query + (() if self.reads_sequences else self.features.context)

    @property
    def catalogue(self) -> tf.data.Dataset:
        """The candidate tower's columns of all items."""
        return data.candidates_dataset(self.frames, self.features, 1024)

    @property
    def known_items(self) -> dict[str, Any]:
        """The candidate tower's columns of the items that training rows have: the negatives."""
        train = self.split.train
        columns = data.item_columns(train, self.features)
        return {name: column[np.unique(train.item_rows())] for name, column in columns.items()}

    @functools.cached_property
    def validation(self) -> data.EvaluationQueries:
        """Questions that choose between models."""
        part, train = self.split.validation, self.split.train
        return data.next_item_queries(part, self.features, history_from=train, max_queries=5_000)

    @functools.cached_property
    def test(self) -> data.EvaluationQueries:
        """Questions that are asked once, at the end."""
        part, known = self.split.test, data.join(self.split.train, self.split.validation)
        return data.next_item_queries(part, self.features, history_from=known, max_queries=20_000)

    def training_data(self, batch_size: int) -> tf.data.Dataset:
        """Batches of the training part, of so many rows or of sequences that hold about as many."""
        train, features = self.split.train, self.features
        if not self.reads_sequences:
            options = models.RETRIEVERS[self.model].model.training_options
            return data.training_dataset(train, features, batch_size, seed=self.seed, **options)
        users = train.interactions[train.schema.user_id].nunique()
        rows = min(len(train.interactions) / users, features.history.length)
        size = max(1, round(batch_size / rows))
        return data.sequence_dataset(train, features, size, seed=self.seed)

    def hypermodel(self) -> tuning.RetrievalHyperModel:
        """The model as a function of its hyper-parameters."""
        known = self.split.train
        return tuning.RetrievalHyperModel(
            self.query_features,
            self.features.candidate,
            data.item_counts(known),
            negatives.Catalogue(self.known_items, known.schema.item_id),
            self.model,
        )

    def evaluation(self) -> callbacks.RetrievalEvaluation:
        """The callback that puts `val_ndcg_at_10` into the logs."""
        asked = self.validation
        return callbacks.RetrievalEvaluation(
            asked.queries, self.catalogue, asked.positives, seen=asked.seen, ks=SHOWN
        )

    @property
    def is_baseline(self) -> bool:
        """Whether the model is fitted rather than trained."""
        return self.model in baselines.BASELINES

    def describe_data(self) -> dict[str, Any]:
        """Returns what a report says of the data and of the questions."""
        return {
            **shared.data_facts(self),
            "test queries": len(self.test.user_rows),
            "protocol": "each held-out row is a query, the user as just before it; all items are "
            "ranked but those that the user has seen; ties count against the model",
        }

    def summarize(self, manifest: Mapping[str, Any] | None = None) -> report.RunSummary:
        """Returns what is known of the run, from the files that its steps have written."""
        objective = tuning.RetrievalHyperModel.objective.name
        return shared.summarize(self, f"Retrieval, {self.model}", objective, manifest)

    def fit_part(self, folder: str) -> Any:
        """Returns the retriever of a run that trains more, with a folder of its own in `runs`."""
        part = self.within(folder)
        model = shared.fit(part, part.hypermodel(), part.training_data, [part.evaluation()])
        with files.replace_file(part.runs / "model.keras") as path:
            model.save(path, save_format="keras")
        return model

"""What the ranking recipe works on: labelled rows, and the facts that models need."""

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf

from recipes.source import Source
from tfrs_ext import data, features

LIKED = 4  # Of five stars.


@dataclasses.dataclass(frozen=True)
class RankingProblem:
    """The split data with a label for each row.

    A label is what the schema names, or whether a film got four stars or five. Where there is
    none, each interaction is a positive, and an item that the user never took is its negative.

    Attributes:
        source: Where the data come from.
        frames: What users took or rated, all of it.
        split: Its parts, labelled.
        features: The columns of both sides, with facts from the training part.
    """

    source: Source
    frames: data.Frames
    split: data.Split
    features: data.FeatureSet

    @classmethod
    def of(cls, source: Source, seed: int) -> "RankingProblem":
        """Loads, labels and splits the data of a source."""
        frames = source.load()
        table = frames.interactions
        if "label_ge4" in table:  # A copy of MovieLens in which some ratings are unknown.
            frames = data.with_labels(frames, table["label_ge4"])
        elif "rating" in table and frames.schema.label is None:
            frames = data.with_labels(frames, table["rating"] >= LIKED)
        split = source.split_of(frames)
        features = data.fit_features(split.train, history_length=10 if source.smoke else 50)
        if frames.schema.label is None:
            label = functools.partial(data.with_negatives, known=frames, seed=seed)
            split = data.Split(*map(label, (split.train, split.validation, split.test)))
        return cls(source, frames, split, features)

    @property
    def columns(self) -> tuple[features.Feature, ...]:
        """The features of both sides."""
        return self.features.query + self.features.candidate

    def training(self, batch_size: int, seed: int) -> tf.data.Dataset:
        """Batches of the training part."""
        return data.ranking_dataset(self.split.train, self.features, batch_size, seed=seed)

    @functools.cached_property
    def validation(self) -> tf.data.Dataset:
        """Batches that choose between models, computed once."""
        train, part = self.split.train, self.split.validation
        return data.ranking_dataset(part, self.features, 4096, history=train, shuffle=False).cache()

    @functools.cached_property
    def test(self) -> tf.data.Dataset:
        """Batches to report on."""
        known = data.join(self.split.train, self.split.validation)
        return data.ranking_dataset(
            self.split.test, self.features, 4096, history=known, shuffle=False
        )

    def positives(self) -> data.Frames:
        """What users took or liked, all of it: the histories at the end of the data."""
        label = self.frames.schema.label
        if label is None:
            return self.frames
        return self.frames.select(np.flatnonzero(self.frames.interactions[label] > 0))

    def items(self) -> dict[str, Any]:
        """The columns of all items."""
        return data.item_columns(self.frames, self.features)

    def facts(self) -> dict[str, Any]:
        """What a report says of the data."""
        label = self.split.train.schema.label
        test = self.split.test.interactions
        return {
            "data": self.source.name,
            "split": self.source.split,
            "users": len(self.frames.users),
            "items": len(self.frames.items),
            "training rows": len(self.split.train.interactions),
            "test rows": len(test),
            "positive test rows": f"{test[label].mean():.1%}",
            "protocol": "each held-out row is scored, the user as just before it",
        }

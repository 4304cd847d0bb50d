"""What the retrieval recipe works on, and the questions that it asks of a model."""

import dataclasses
import functools

from recipes.source import Source
from tfrs_ext import data


@dataclasses.dataclass(frozen=True)
class RetrievalProblem:
    """The split data with their features, and questions about the held-out parts.

    Attributes:
        source: Where the data come from.
        frames: All of them.
        split: Their parts.
        features: The columns of both towers, with facts from the training part.
    """

    source: Source
    frames: data.Frames
    split: data.Split
    features: data.FeatureSet

    @classmethod
    def of(cls, source: Source) -> "RetrievalProblem":
        """Loads and splits the data of a source."""
        frames = source.load()
        split = source.split_of(frames)
        return cls(source, frames, split, data.fit_features(split.train))

    def item_counts(self) -> tuple[list[int] | list[str], list[int]]:
        """Returns the items of the training part, and how often each occurs there."""
        counts = self.split.train.interactions[self.frames.schema.item_id].value_counts()
        return counts.index.tolist(), counts.tolist()

    def items_by_popularity(self, size: int = 100) -> dict[str, list[int] | list[str]]:
        """Returns the ids of the most popular, the middle and the least popular items."""
        ids, _ = self.item_counts()
        middle = max(0, (len(ids) - size) // 2)
        return {"head": ids[:size], "middle": ids[middle : middle + size], "tail": ids[-size:]}

    @functools.cached_property
    def validation(self) -> data.EvaluationQueries:
        """Questions that choose between models."""
        train, part = self.split.train, self.split.validation
        return data.next_item_queries(part, self.features, history_from=train, max_queries=5_000)

    @functools.cached_property
    def test(self) -> data.EvaluationQueries:
        """Questions that are asked once, at the end."""
        known = data.join(self.split.train, self.split.validation)
        part = self.split.test
        return data.next_item_queries(part, self.features, history_from=known, max_queries=20_000)

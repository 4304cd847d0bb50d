"""What a recipe works on: data, their split, and the facts that models need."""

import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable

from tfrs_ext import data

SPLITS: dict[str, Callable[[data.Frames], data.Split]] = {
    "global-time": data.global_time_split,
    "leave-one-out": data.leave_one_out,
    "random": data.random_split,
}
MOVIELENS = {f"movielens-{name}": name for name in ("100k", "1m", "latest-small")}
DATA = ("synthetic", *MOVIELENS)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where the interactions come from, and how they are split.

    Attributes:
        name: One of `DATA`, or `"files"` for the user's own.
        path: Folder or archive of a MovieLens data set; None downloads it.
        interactions: CSV or Parquet, for `"files"`.
        users: CSV or Parquet, or None.
        items: CSV or Parquet, or None.
        schema: JSON file with the arguments of `data.Schema`, or None for its defaults.
        split: One of `SPLITS`.
        smoke: Whether everything is small enough to be over in a minute.
    """

    name: str = "synthetic"
    path: str | None = None
    interactions: str | None = None
    users: str | None = None
    items: str | None = None
    schema: str | None = None
    split: str = "global-time"
    smoke: bool = False

    def load(self) -> data.Frames:
        """Returns the checked frames."""
        if self.interactions is not None:
            schema = data.Schema()
            if self.schema is not None:
                schema = data.Schema.from_config(json.loads(pathlib.Path(self.schema).read_text()))
            return data.load_frames(self.interactions, self.users, self.items, schema)
        if self.name in MOVIELENS:
            return data.load_movielens(MOVIELENS[self.name], self.path)
        if self.name != "synthetic":
            raise ValueError(f"`data` must be one of {', '.join(DATA)}, received {self.name!r}")
        if self.smoke:
            return data.synthetic(num_users=600, num_items=200, interactions_per_user=25)[0]
        return data.synthetic()[0]


@dataclasses.dataclass(frozen=True)
class Problem:
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
    def of(cls, source: Source) -> "Problem":
        """Loads and splits the data of a source."""
        if source.split not in SPLITS:
            raise ValueError(f"`split` must be one of {', '.join(SPLITS)}, got {source.split!r}")
        frames = source.load()
        split = SPLITS[source.split](frames)
        return cls(source, frames, split, data.fit_features(split.train))

    def item_counts(self) -> tuple[list[int] | list[str], list[int]]:
        """Returns the items of the training part, and how often each occurs there."""
        counts = self.split.train.interactions[self.frames.schema.item_id].value_counts()
        return counts.index.tolist(), counts.tolist()

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

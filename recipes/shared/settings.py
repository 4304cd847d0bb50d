"""What one run of a recipe is told, and the data that its steps share."""

import copy
import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

from tfrs_ext import data

from .source import DataSource


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one run of a recipe is told.

    Attributes:
        source: Where the data come from.
        runs: Folder for what the steps hand on.
        base: Folder of the published versions.
        trials: The number of trials of the search.
        budget: Minutes for the search, or None.
        trial_epochs: The most epochs of a trial.
        epochs: The most epochs of a training.
        patience: Epochs without gain before a training ends.
        user: Whom `query` is for, or None.
        k: How many items `query` shows, or `recommend` writes.
        out: Folder for what `recommend` writes, or None.
        requests: Parquet or CSV file of whom `recommend` is for, or None for everybody.
        seed: The seed of the data's order and of the initial weights.
        fresh: Whether what `runs` holds is removed first.
        goes_on: Whether all steps run, so that each is followed by the next.
        before_export: Called by `train` once the model is trained: starts the process that checks
            the bundle, where an export follows, so that it is ready when the bundle is written.
    """

    source: DataSource
    runs: pathlib.Path
    base: pathlib.Path
    trials: int
    budget: float | None
    trial_epochs: int
    epochs: int
    patience: int
    user: str | None
    k: int
    out: pathlib.Path | None
    requests: pathlib.Path | None
    seed: int
    fresh: bool
    goes_on: bool = dataclasses.field(default=False, kw_only=True)
    before_export: Callable[[], None] = dataclasses.field(default=lambda: None, kw_only=True)

    @classmethod
    def of(cls, recipe: str, source: DataSource, variant: str = "", **values: Any) -> Any:
        """Fills in the folders, one for each kind of data."""
        smoke = "smoke" if source.smoke else ""
        label = "-".join(filter(None, (source.name, source.split, variant, smoke)))
        base = "-".join(filter(None, (recipe, source.name, smoke)))
        values["runs"] = values["runs"] or pathlib.Path("runs", recipe, label)
        values["base"] = values["base"] or pathlib.Path("saved_models", base)
        return cls(source=source, **values)

    def within(self, folder: str) -> Any:
        """Returns the same settings for one part of a run, with a folder of its own in `runs`."""
        part = copy.copy(self)  # With the data, where they are loaded.
        object.__setattr__(part, "runs", self.runs / folder)
        return part

    @functools.cached_property
    def frames(self) -> data.Frames:
        """All data, loaded when a step first needs them."""
        return self.source.load()

    @functools.cached_property
    def split(self) -> data.Split:
        """The parts to train on, to choose by and to report on."""
        return self.source.split_frames(self.frames)

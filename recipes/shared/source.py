"""Where the interactions come from, and how they are split."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from tfrs_ext import data, files

from . import hints

SPLITS: dict[str, Callable[..., data.Split]] = {
    "global-time": data.global_time_split,
    "leave-one-out": data.leave_one_out,
    "random": data.random_split,
}


MOVIELENS = {f"movielens-{name}": name for name in ("100k", "1m", "latest-small")}


DATA = ("synthetic", *MOVIELENS)


@dataclasses.dataclass(frozen=True)
class DataSource:
    """Where the interactions come from, and how they are split.

    Attributes:
        name: One of `DATA`, or the name of the user's file.
        path: Folder or archive of a MovieLens data set; None downloads it.
        interactions: The user's own CSV or Parquet file, or None.
        users: CSV or Parquet, or None.
        items: CSV or Parquet, or None.
        schema: JSON file with the arguments of `data.Schema`, or None for its defaults.
        columns: Arguments of `data.Schema` that come before those of the file.
        event_weights: What a row weighs by the name of its event; empty for rows that weigh alike.
        split: One of `SPLITS`.
        held_out: The shares of the rows that validation and test get, each.
        smoke: Whether everything is small enough to be over in a minute.
    """

    name: str = "synthetic"
    path: str | None = None
    interactions: str | None = None
    users: str | None = None
    items: str | None = None
    schema: str | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    event_weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    split: str = "global-time"
    held_out: float = 0.1
    smoke: bool = False

    def __post_init__(self) -> None:
        hints.check_choice("split", self.split, SPLITS)
        own = {"users": self.users, "items": self.items, "schema": self.schema, **self.columns}
        given = [name for name, value in own.items() if value is not None]
        if self.interactions is None and given:
            raise ValueError(f"`interactions` must be given with {', '.join(given)}: it is a file")
        if self.interactions is None:
            hints.check_choice("data", self.name, DATA)

    @property
    def label(self) -> str | None:
        """The column with labels, which the ranking recipe reads."""
        return self._schema_config().get("label")

    @property
    def event(self) -> str | None:
        """The column with names of events."""
        return self._schema_config().get("event")

    def load(self) -> data.Frames:
        """Returns the checked frames, without labels."""
        for option in ("path", "interactions", "users", "items", "schema"):
            hints.check_file(option, getattr(self, option))
        if self.interactions is not None:
            schema = data.Schema.from_config({**self._schema_config(), "label": None})
            frames = data.load_frames(self.interactions, self.users, self.items, schema)
            return data.weigh_events(frames, self.event_weights) if self.event_weights else frames
        if self.name in MOVIELENS:
            return data.load_movielens(MOVIELENS[self.name], self.path)
        return _synthetic(self.smoke)[0]

    def truth(self) -> data.Truth | None:
        """Returns what made-up data were drawn from; None where the data are somebody's."""
        return _synthetic(self.smoke)[1] if self.name == "synthetic" else None

    def split_frames(self, frames: data.Frames) -> data.Split:
        """Returns the parts to train on, to choose by and to report on."""
        if self.split == "leave-one-out":
            return data.leave_one_out(frames)
        return SPLITS[self.split](frames, self.held_out, self.held_out)

    def _schema_config(self) -> dict[str, Any]:
        config = read_mapping(pathlib.Path(self.schema)) if self.schema else {}
        known = [field.name for field in dataclasses.fields(data.Schema)]
        for name in config:
            if name not in known:
                raise ValueError(
                    f"{self.schema} must hold arguments of `data.Schema`, received {name!r}"
                    f"{hints.near(name, known)} Known are {', '.join(known)}; for example "
                    '{"user_id": "customer", "item_features": {"price": "numeric"}}'
                )
        return {**config, **self.columns}


@functools.cache
def _synthetic(smoke: bool) -> tuple[data.Frames, data.Truth]:
    if smoke:
        return data.synthetic(num_users=600, num_items=200, interactions_per_user=25)
    return data.synthetic()


def read_mapping(path: pathlib.Path) -> dict[str, Any]:
    """Returns what a JSON file holds by name, or nothing where there is no such file."""
    found = files.read_json(path)
    if not isinstance(found or {}, dict):
        raise ValueError(f"{path} must hold names with values, received {found!r}: delete it")
    return found or {}

"""Where a recipe's data come from, and how they are split."""

import dataclasses
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
        if self.split not in SPLITS:
            raise ValueError(f"`split` must be one of {', '.join(SPLITS)}, got {self.split!r}")
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

    def split_of(self, frames: data.Frames) -> data.Split:
        """Returns the parts to train, to choose and to report on."""
        return SPLITS[self.split](frames)

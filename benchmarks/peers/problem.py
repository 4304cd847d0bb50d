"""What all sides are asked: a split, who is asked, and what would be right."""

import dataclasses
import functools
import pathlib
from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext import data, evaluation
from tfrs_ext.files import write_json

K = 100
KS = (10, 100)
PAIR = ["user_id", "item_id"]


@dataclasses.dataclass(frozen=True)
class Problem:
    """A split of interactions, and each user's question.

    Every user of the test part who is known is asked once. What the user is known to have had when
    asked, which is the training and the validation part, is no answer; what the test part holds
    besides is. The questions that choose an epoch are made of the validation part in the same way,
    of at most so many users.

    Attributes:
        name: Of the data and the split.
        split: The parts.
        validation_users: How many users the validation asks, drawn once.
    """

    name: str
    split: data.Split
    validation_users: int = 2_000

    @functools.cached_property
    def train(self) -> pd.DataFrame:
        """The rows that models are trained on, in the order of time."""
        return _table(self.split.train)

    @functools.cached_property
    def known(self) -> pd.DataFrame:
        """The rows that are known when the test's questions are asked, in the order of time."""
        return _table(data.join(self.split.train, self.split.validation))

    @functools.cached_property
    def wanted(self) -> pd.Series:
        """The new items of each user who is asked, by user id."""
        return _new_items(self.known, _table(self.split.test))

    @functools.cached_property
    def validation(self) -> pd.Series:
        """The same of the validation part, when the training part is all that is known."""
        found = _new_items(self.train, _table(self.split.validation))
        if len(found) <= self.validation_users:
            return found
        return found.sample(self.validation_users, random_state=0).sort_index()

    def write(self, folder: pathlib.Path, settings: dict[str, Any]) -> None:
        """Writes what a contestant reads: tables as Parquet, and spec.json."""
        folder.mkdir(parents=True, exist_ok=True)
        tables = {
            "train": self.train,
            "known": self.known,
            "validation": explode(self.validation),
            "asked": pd.DataFrame({"user_id": self.wanted.index}),
        }
        for name, table in tables.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
        write_json(folder / "spec.json", {"k": K, **settings})

    def score(self, answers: pd.DataFrame) -> evaluation.RetrievalResult:
        """Scores answers: one row for each item, `user_id`, `item_id` and `rank` from 1 on.

        Raises:
            ValueError: An answer is one that the user is known to have had, or is given twice, or
                comes from a user who wasn't asked.
        """
        had = answers.merge(self.known[PAIR], on=PAIR)
        if len(had):
            raise ValueError(f"answers must be new to their users, received {had.iloc[0]}")
        if answers.duplicated(PAIR).any() or answers.duplicated(["user_id", "rank"]).any():
            raise ValueError("answers must have each item and each rank once a user.")
        places = pd.Index(self.wanted.index).get_indexer(answers["user_id"])
        if (places < 0).any():
            raise ValueError("answers must be those of users who were asked.")
        lists = np.full([len(self.wanted), K], -1, np.int64)
        lists[places, answers["rank"].to_numpy() - 1] = answers["item_id"].to_numpy()
        return evaluation.evaluate_rankings(lists, self.wanted.tolist(), KS)

    def facts(self) -> dict[str, Any]:
        """Returns the sizes of all that is asked, for the page."""
        items = self.train["item_id"].unique()
        return {
            "training_rows": len(self.train),
            "training_users": self.train["user_id"].nunique(),
            "items": len(items),
            "users_asked": len(self.wanted),
            "validation_users": len(self.validation),
            "wanted_items": int(self.wanted.str.len().sum()),
            "wanted_items_unknown_to_training": float(
                1 - explode(self.wanted)["item_id"].isin(items).mean()
            ),
        }


def explode(wanted: pd.Series) -> pd.DataFrame:
    """Returns lists of items by user as a table with one row for each pair."""
    table = wanted.explode().rename_axis("user_id").rename("item_id").reset_index()
    return table.astype({"item_id": np.int64}) if len(table) else table


def _table(part: data.Frames) -> pd.DataFrame:
    """Returns users, items, times, and the place of each row in the order of time."""
    schema = part.schema
    table = part.interactions[[schema.user_id, schema.item_id]].set_axis(PAIR, axis=1)
    times = part.times()
    table = table.assign(timestamp=times).iloc[np.argsort(times, kind="stable")]
    return table.reset_index(drop=True).assign(order=np.arange(len(table)))


def _new_items(known: pd.DataFrame, later: pd.DataFrame) -> pd.Series:
    """Returns the items that known users take later and hadn't before, each once, by user."""
    later = later[later["user_id"].isin(known["user_id"].unique())].drop_duplicates(PAIR)
    had = pd.MultiIndex.from_frame(known[PAIR])
    new = later[~pd.MultiIndex.from_frame(later[PAIR]).isin(had)]
    return new.groupby("user_id", sort=True)["item_id"].agg(list)

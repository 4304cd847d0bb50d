"""What all sides are asked: a split, who is asked, and what would be right."""

import dataclasses
import pathlib
from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext import data, evaluation
from tfrs_ext.files import write_json

K = 100
KS = (10, 100)


@dataclasses.dataclass(frozen=True)
class Problem:
    """A split of interactions, and each user's question.

    Every user of the test part is asked once. What the user is known to have had when asked, which
    is the training and the validation part, is no answer; what the test part holds besides is.

    Attributes:
        name: Of the data and the split.
        split: The parts.
    """

    name: str
    split: data.Split

    @property
    def known(self) -> data.Frames:
        """What is known when the questions are asked."""
        return data.join(self.split.train, self.split.validation)

    def questions(self) -> pd.Series:
        """Returns the new items of each user who is asked, by user id."""
        had = set(self._pairs(self.known).itertuples(index=False, name=None))
        rows = self._pairs(self.split.test)
        new = [pair not in had for pair in rows.itertuples(index=False, name=None)]
        return rows[new].groupby("user_id", sort=True)["item_id"].agg(list)

    def write(self, folder: pathlib.Path, settings: dict[str, Any]) -> None:
        """Writes what a peer reads: train, known and asked as Parquet, and spec.json."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, part in (("train", self.split.train), ("known", self.known)):
            table = self._pairs(part).assign(order=np.argsort(np.argsort(part.times())))
            table.to_parquet(folder / f"{name}.parquet", index=False)
        asked = pd.DataFrame({"user_id": self.questions().index})
        asked.to_parquet(folder / "asked.parquet", index=False)
        write_json(folder / "spec.json", {"k": K, **settings})

    def score(self, answers: pd.DataFrame) -> evaluation.RetrievalResult:
        """Scores answers: one row for each item, `user_id`, `item_id` and `rank` from 1 on.

        Raises:
            ValueError: An answer is one that the user is known to have had.
        """
        wanted = self.questions()
        merged = answers.merge(self._pairs(self.known), on=["user_id", "item_id"])
        if len(merged):
            raise ValueError(f"answers must be new to their users, received {merged.iloc[0]}")
        places = answers["user_id"].map(pd.Series(np.arange(len(wanted)), wanted.index))
        lists = np.full([len(wanted), K], -1, np.int64)
        lists[places.to_numpy(), answers["rank"].to_numpy() - 1] = answers["item_id"].to_numpy()
        return evaluation.evaluate_rankings(lists, wanted.tolist(), KS)

    def _pairs(self, part: data.Frames) -> pd.DataFrame:
        schema = part.schema
        pairs = part.interactions[[schema.user_id, schema.item_id]]
        return pairs.set_axis(["user_id", "item_id"], axis=1).reset_index(drop=True)

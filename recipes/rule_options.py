"""The rules of a command line, as a ranked list is re-ranked by."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pandas as pd

from tfrs_ext import reranking

DIVERSITY = {"mmr": reranking.MarginalRelevance, "dpp": reranking.Determinantal}


@dataclasses.dataclass(frozen=True)
class RuleOptions:
    """Which rules a run has.

    Attributes:
        tags: The column of the items' tags, parted by |, by which requests allow and deny, or None.
        group: COLUMN=N, at most N items of a group, or None.
        diversity: One of `DIVERSITY`, or None.
        share: The share of relevance in it, from 0 to 1.
        cool_down: The half-life in days of what was shown, or None.
    """

    tags: str | None
    group: str | None
    diversity: str | None
    share: float
    cool_down: float | None

    def check(self, items: pd.DataFrame) -> None:
        """Refuses rules that can't be, before a long training.

        Args:
            items: The table of items.
        """
        self.make(items, np.ones([len(items), 1], np.float32))

    def make(
        self, items: pd.DataFrame, embeddings: npt.NDArray[np.float32]
    ) -> list[reranking.Rule]:
        """Returns the rules, in the order in which they are applied.

        Args:
            items: The table of items.
            embeddings: `[C, D]`, by which items are alike.
        """
        rules: list[reranking.Rule] = [reranking.Exclude()]
        if self.tags is not None:
            cells = _cells(items, "tags", self.tags)
            rules.append(reranking.FilterTags([cell.split("|") for cell in cells]))
        if self.cool_down is not None:
            rules.append(reranking.CoolDown(half_life=self.cool_down))
        if self.group is not None:
            column, _, most = self.group.rpartition("=")
            if not most.isdecimal():
                raise ValueError(f"`group` must be COLUMN=N, received {self.group!r}")
            rules.append(reranking.LimitGroups(_cells(items, "group", column), int(most)))
        if self.diversity is not None:
            rules.append(DIVERSITY[self.diversity](embeddings, self.share))
        return rules


def _cells(items: pd.DataFrame, option: str, column: str) -> list[str]:
    if column not in items:
        raise ValueError(f"`{option}` must be one of {list(items)}, received {column!r}")
    cells: list[str] = items[column].fillna("").astype(str).tolist()
    return cells

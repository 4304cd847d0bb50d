"""The lists that the ranker of `recipes.two_stage` learns on: what was taken, and others."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext import data

NEGATIVES = 19  # The most other shown items beside each one that was taken.


@dataclasses.dataclass(frozen=True, eq=False)
class Shown:
    """What the generators show for some queries.

    Attributes:
        asked: The queries, one positive each.
        items: `[Q, M]` positions of the items that each was shown, negative where there is none.
        known: What users took, as far as it may be looked at: no negative is among it.
    """

    asked: data.EvaluationQueries
    items: npt.NDArray[np.integer[Any]]
    known: data.Frames

    def draw(self, num_negatives: int, whole: bool, seed: int) -> data.ShownPairs:
        """Returns lists of what was taken and at most so many others, all equal where `whole`."""
        return data.draw_shown_pairs(
            self.asked, self.items, num_negatives, known=self.known, whole=whole, seed=seed
        )


def draw_lists(
    parts: Mapping[str, Shown], candidates: int, seed: int
) -> tuple[int, dict[str, data.ShownPairs]]:
    """Returns one size for the lists of all parts, and these lists.

    The size is 20 items, or fewer where fewer are shown: at least half of each part's lists have
    it, and the others are left out.

    Args:
        parts: What is shown, by the name of the part.
        candidates: How many items the retriever brings, for the message of an error.
        seed: Equal seeds give equal lists.

    Raises:
        ValueError: If a part has no query that was shown what it took, with another item.
    """
    others = [_count_others(name, part, candidates, seed) for name, part in parts.items()]
    lists = {name: part.draw(min(others), True, seed) for name, part in parts.items()}
    return 1 + min(others), lists


def _count_others(name: str, part: Shown, candidates: int, seed: int) -> int:
    """Returns how many negatives, up to `NEGATIVES`, half of the lists have."""
    taken = part.asked.positives.flat_values.numpy()  # One of each query.
    others = np.zeros(1, np.int64)
    if (part.items == taken[:, np.newaxis]).any():
        queries = part.draw(NEGATIVES, False, seed).queries
        others = np.unique(queries, return_counts=True)[1] - 1
    if not others.max():
        raise ValueError(
            "`candidates` must be so large that the ranker has lists to learn on and to be chosen "
            f"by, received {candidates}: among the {len(taken)} {name} rows none is shown its item "
            "with another one; raise `--candidates`, or bring more interactions"
        )
    return max(1, int(np.quantile(others, 0.5, method="lower")))

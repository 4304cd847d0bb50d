"""What models that rank are asked: rows with labels in three parts, the same for all."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext import evaluation
from tfrs_ext.files import write_json

LABEL, USER_ID = "label", "user_id"
METRICS = ("auc", "gauc", "log_loss")


@dataclasses.dataclass(frozen=True)
class RankingProblem:
    """Rows of categorical columns with a label of 0 or 1, split at random.

    Columns are told as codes: 0 is any value that the training part doesn't have.

    Attributes:
        name: Of the data.
        table: The rows, with `label`, and `user_id` among the columns.
        shares: Of the validation and the test part.
    """

    name: str
    table: pd.DataFrame
    shares: tuple[float, float]

    @functools.cached_property
    def columns(self) -> list[str]:
        """The names of what models may read."""
        return [name for name in self.table if name != LABEL]

    @functools.cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """Which rows of the table each part has."""
        order = np.random.default_rng(0).permutation(len(self.table))
        ends = np.cumsum([round(share * len(order)) for share in self.shares])
        return dict(zip(("validation", "test", "train"), np.split(order, ends), strict=True))

    @functools.cached_property
    def parts(self) -> dict[str, pd.DataFrame]:
        """The three parts, as codes."""
        learnt = self.table.iloc[self.rows["train"]]
        coded = {name: _code(self.table[name], learnt[name]) for name in self.columns}
        whole = pd.DataFrame({**coded, LABEL: self.table[LABEL].to_numpy(np.int64)})
        return {name: whole.iloc[rows].reset_index(drop=True) for name, rows in self.rows.items()}

    @property
    def sizes(self) -> dict[str, int]:
        """How many codes each column has."""
        return {name: int(self.parts["train"][name].max()) + 1 for name in self.columns}

    @functools.cached_property
    def wanted(self) -> pd.DataFrame:
        """The labels of the test part, and whose rows they are, by the id that the table has."""
        return self.table[[USER_ID, LABEL]].iloc[self.rows["test"]].reset_index(drop=True)

    def write(self, folder: pathlib.Path, settings: dict[str, Any]) -> None:
        """Writes what a contestant reads: tables as Parquet, and spec.json."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in self.parts.items():
            told = table.drop(columns=LABEL) if name == "test" else table
            told.to_parquet(folder / f"{name}.parquet", index=False)
        write_json(folder / "spec.json", {"sizes": self.sizes, **settings})

    def score(self, answers: pd.DataFrame) -> dict[str, float]:
        """Scores answers: `prediction`, one for each row of the test part, in its order."""
        wanted = self.wanted
        return evaluation.evaluate_predictions(
            wanted[LABEL], answers["prediction"], wanted[USER_ID]
        )

    def by_row(self, answers: pd.DataFrame) -> evaluation.RetrievalResult:
        """Returns what each row of the test part adds to the AUC, whose mean is the AUC."""
        values = auc_by_row(self.wanted[LABEL].to_numpy(), answers["prediction"].to_numpy())
        return evaluation.RetrievalResult({"auc": values})

    def facts(self) -> dict[str, Any]:
        """Returns the sizes of all that is asked, for the page."""
        test = self.parts["test"]
        return {
            **{f"{name}_rows": len(part) for name, part in self.parts.items()},
            "positive": float(self.parts["train"][LABEL].mean()),
            "columns": self.columns,
            "values": self.sizes,
            "test_rows_with_unknown": float((test[self.columns] == 0).any(axis=1).mean()),
        }


def auc_by_row(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Returns each row's first-order share of the AUC, so that means over draws of rows are AUCs.

    A positive's value is the share of negatives below it, a negative's that of the positives above;
    `AUC + N / N_class (value - AUC)` has the AUC as its mean, and the spread of its means is
    DeLong's.

    References:
        DeLong, DeLong and Clarke-Pearson: Comparing the Areas under Two or More Correlated
        Receiver Operating Characteristic Curves, Biometrics 1988.
    """
    positive = labels > 0.5
    ranks = pd.Series(predictions)
    within = ranks.groupby(positive).rank().to_numpy()
    others_below = ranks.rank().to_numpy() - within  # Ties count one half.
    count = np.where(positive, positive.sum(), (~positive).sum())
    share = others_below / (len(labels) - count)
    value = np.where(positive, share, 1 - share)
    whole = value[positive].mean()
    return np.asarray(whole + len(labels) / count * (value - whole))


def movielens(folder: pathlib.Path) -> RankingProblem:
    """Returns whether MovieLens-1M's users rate a film 4 or 5: rows 80/10/10 at random."""
    ratings = pd.read_parquet(folder / "ratings.parquet")
    users = pd.read_parquet(folder / "users.parquet")
    table = ratings[["user_id", "movie_id", "label_ge4"]].merge(users, on="user_id", how="left")
    names = {"movie_id": "item_id", "label_ge4": LABEL}
    return RankingProblem("ranking-ml-1m", table.rename(columns=names), (0.1, 0.1))


def frappe(folder: pathlib.Path) -> RankingProblem:
    """Returns whether Frappe's users use an app in a context: rows 70/20/10 at random.

    Each use has two negatives: apps that the user didn't use in that context, drawn once.
    """
    uses = pd.read_parquet(folder / "frappe.parquet").drop(columns="cnt")
    uses = uses.rename(columns={"user": USER_ID, "item": "item_id"})
    return RankingProblem("ranking-frappe", with_negatives(uses, 2), (0.2, 0.1))


def with_negatives(uses: pd.DataFrame, count: int, seed: int = 0) -> pd.DataFrame:
    """Returns uses and, for each, so many rows of another `item_id`, evenly drawn, with `label`.

    All columns but `item_id` are the context; an item that any use has in the same context is drawn
    again.
    """
    rng = np.random.default_rng(seed)
    item, items = pd.factorize(uses["item_id"])
    context = uses.groupby([name for name in uses if name != "item_id"]).ngroup().to_numpy()
    used = np.unique(context * len(items) + item)
    rows = np.repeat(np.arange(len(uses)), count)
    drawn = rng.integers(0, len(items), len(rows))
    while (wrong := np.isin(context[rows] * len(items) + drawn, used)).any():
        drawn[wrong] = rng.integers(0, len(items), int(wrong.sum()))
    negatives = uses.iloc[rows].assign(item_id=items[drawn], **{LABEL: 0})
    return pd.concat([uses.assign(**{LABEL: 1}), negatives], ignore_index=True)


def _code(column: "pd.Series[Any]", learnt: "pd.Series[Any]") -> np.ndarray:
    return pd.Index(learnt.unique()).get_indexer(column) + 1


PROBLEMS: dict[str, Callable[[pathlib.Path], RankingProblem]] = {
    "ml-1m": movielens,
    "frappe": frappe,
}

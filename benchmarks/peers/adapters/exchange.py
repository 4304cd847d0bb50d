"""What every adapter shares: it reads a problem, and writes answers with what they cost.

This file and its neighbours run in environments of their own: pandas is all that they count on.
"""

import functools
import importlib.metadata
import json
import pathlib
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

# From the rows that are known, users, and how many items, to `user_id`, `item_id` and `rank`.
Recommend = Callable[[pd.DataFrame, np.ndarray, int], pd.DataFrame]
K = 10


class Watch:
    """Times a training, and judges it after each of its epochs.

    The clock stands still while questions are answered.

    Args:
        spec: "max_epochs", and "patience": after how many epochs without improvement the training
            ends. Nothing is asked without it.
        folder: Where a training may keep what it needs to go on after it was killed.
        judge: From what answers to its value on the validation part, the higher the better.
        metric: The name of that value.

    Attributes:
        kept: The state of the model after the best epoch.
        rows: One for each epoch.
    """

    def __init__(
        self, spec: dict, folder: pathlib.Path, judge: Callable[[Any], float], metric: str
    ) -> None:
        self.spec, self.folder, self.judge, self.metric = spec, folder, judge, metric
        self.kept: Any = None
        self.rows: list[dict] = []
        self.start()

    def __call__(self, answerer: Any, state: Callable[[], Any] = lambda: None) -> bool:
        """Ends an epoch, and returns whether the training is over."""
        row = {"seconds": time.perf_counter() - self._began[0]}
        row["processor_seconds"] = time.process_time() - self._began[1]
        if "patience" in self.spec:
            row[self.metric] = self.judge(answerer)
        self.rows.append(row)
        print(len(self.rows), row, flush=True)
        if self.best == len(self.rows) - 1:
            self.kept = state()
        self.start()
        waited = len(self.rows) - 1 - self.best
        return len(self.rows) >= self.spec["max_epochs"] or waited >= self.spec.get("patience", 1)

    @property
    def best(self) -> int:
        """The epoch with the best value, from 0; the latest where nothing is asked."""
        if "patience" not in self.spec:
            return len(self.rows) - 1
        return int(np.argmax([row[self.metric] for row in self.rows]))

    def cost(self) -> dict:
        """Returns what the training cost up to the best epoch, and an epoch."""
        found = {"epochs": len(self.rows), "best_epoch": self.best + 1}
        found[f"validation_{self.metric}"] = self.rows[self.best].get(self.metric)
        # The first epoch holds what is made once.
        for name in ("seconds", "processor_seconds"):
            values = [row[name] for row in self.rows]
            found[f"{name}_to_best"] = sum(values[: self.best + 1])
            found[f"{name}_an_epoch"] = statistics.median(values[1:] or values)
        return found

    def start(self) -> None:
        """Starts the clock of the next epoch."""
        self._began = time.perf_counter(), time.process_time()


def ndcg(found: pd.DataFrame, wanted: pd.DataFrame, k: int = K) -> float:
    """Returns the mean NDCG of answers over the users who want something."""
    hits = found[found["rank"] <= k].merge(wanted, on=["user_id", "item_id"])
    gains = (1 / np.log2(hits["rank"] + 1)).groupby(hits["user_id"]).sum()
    counts = wanted.groupby("user_id").size()
    best = np.cumsum(1 / np.log2(np.arange(2, k + 2)))[np.minimum(counts, k) - 1]
    return float((gains.reindex(counts.index).fillna(0) / best).mean())


def ranked(users: np.ndarray, lists: np.ndarray) -> pd.DataFrame:
    """Returns item ids `[U, k]`, best first, as a table; negative ones are no answer."""
    table = pd.DataFrame(
        {
            "user_id": np.repeat(users, lists.shape[1]),
            "item_id": lists.ravel(),
            "rank": np.tile(np.arange(1, lists.shape[1] + 1), len(users)),
        }
    )
    return table[table["item_id"] >= 0]


def best_of(scores: np.ndarray, seen: Any, items: np.ndarray, k: int) -> np.ndarray:
    """Returns the ids of the k best items by scores `[U, C]`, without those that were seen.

    Args:
        scores: Changed in place.
        seen: A sparse matrix `[U, C]`, whose entries are left out.
        items: The ids `[C]`.
        k: How many.
    """
    scores[seen.nonzero()] = -np.inf
    k = min(k, scores.shape[1])
    found = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    found = np.take_along_axis(found, np.argsort(-np.take_along_axis(scores, found, 1), 1), 1)
    return np.where(np.isfinite(np.take_along_axis(scores, found, 1)), items[found], -1)


def peak_megabytes() -> float:
    """Returns the most memory that this process has had; what forked it is in `ru_maxrss`, too."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def answer(train: Callable[[pd.DataFrame, dict, Watch], Recommend], *distributions: str) -> None:
    """Answers the problem in the folder that the command line names first.

    Args:
        train: From the training rows, the settings and a watch, which it calls after each epoch, to
            a function that answers. One that has no epochs need not call the watch.
        *distributions: Whose versions are noted.
    """
    names = ("train", "known", "validation", "asked")
    train_rows, known, wanted, asked = map(read, names)

    def judge(recommend: Recommend) -> float:
        return ndcg(recommend(train_rows, wanted["user_id"].unique(), K), wanted)

    def ask(recommend: Recommend, spec: dict) -> pd.DataFrame:
        found = recommend(known, asked["user_id"].to_numpy(), spec["k"])
        return found[["user_id", "item_id", "rank"]]

    compete(functools.partial(train, train_rows), judge, ask, "ndcg_at_10", distributions)


def read(name: str) -> pd.DataFrame:
    """Returns a table of the problem."""
    return pd.read_parquet(pathlib.Path(sys.argv[1]) / f"{name}.parquet")


def compete(
    train: Callable[[dict, Watch], Any],
    judge: Callable[[Any], float],
    ask: Callable[[Any, dict], pd.DataFrame],
    metric: str,
    distributions: Sequence[str],
) -> None:
    """Trains a contestant, asks it, and writes its answers with what they cost.

    Args:
        train: From the settings and a watch to what answers.
        judge: From what answers to its value on the validation part.
        ask: From what answers and the settings to the answers.
        metric: The name of the value.
        distributions: Whose versions are noted.
    """
    folder, out = map(pathlib.Path, sys.argv[1:3])
    spec = json.loads((folder / "spec.json").read_text())
    out.mkdir(parents=True, exist_ok=True)
    watch = Watch(spec, out, judge, metric)
    answerer = train(spec, watch)
    if not watch.rows:
        watch(answerer)
    began = time.perf_counter(), time.process_time()
    found = ask(answerer, spec)
    cost = {
        **watch.cost(),
        "answer_seconds": time.perf_counter() - began[0],
        "answer_processor_seconds": time.process_time() - began[1],
        "peak_megabytes": peak_megabytes(),
        "versions": {name: importlib.metadata.version(name) for name in distributions},
        "rows": watch.rows,
    }
    found.to_parquet(out / "answers.parquet", index=False)
    (out / "cost.json").write_text(json.dumps(cost, default=float))

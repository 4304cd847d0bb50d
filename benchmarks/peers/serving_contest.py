"""What serving one contestant costs: a process exports its model, and a fresh one asks it."""

import datetime
import json
import os
from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmarks.ledger import Row
from benchmarks.peers.contest import answers_of, home_of
from benchmarks.peers.labels import exporting_adapters
from benchmarks.peers.problem import PAIR, Problem
from tfrs_ext.baselines import BASELINES
from tfrs_ext.models import RETRIEVERS

COSTS = ("export_seconds", "export_megabytes", "load_seconds", "ask_ms_p50", "ask_ms_p99")
_TOLERANCE = 1e-4  # Of a score: one row at a time may be summed in another order.


def check_names(contestants: Iterable[str]) -> None:
    """Raises ValueError where a contestant is unknown, or has no export."""
    for name in contestants:
        if ":" not in name and name not in {*RETRIEVERS, *BASELINES}:
            models = ", ".join([*RETRIEVERS, *BASELINES])
            raise ValueError(f"`--models` must be of {models}, received {name!r}.")
        if ":" in name and home_of(name)[1] not in exporting_adapters():
            adapters = ", ".join(sorted(exporting_adapters()))
            raise ValueError(
                f"`--peers` must be of adapters that export ({adapters}), received {name!r}."
            )


def measure(problem: Problem, contestant: str, spec: Row) -> Row:
    """Returns the row of a contestant: `environment:adapter`, or the name of a model of ours.

    Raises:
        ValueError: The export answers otherwise than the model did.
    """
    steps = ("export", "serve")
    with answers_of(problem, contestant, spec, *home_of(contestant), steps) as out:
        exported, served = (json.loads((out / f"{step}.json").read_text()) for step in steps)
        tables = (pd.read_parquet(out / f"{name}.parquet") for name in ("expected", "served"))
        checked = compare(*tables)
    return {
        **exported,
        **served,
        "checked_users": checked,
        "date": datetime.date.today().isoformat(),
        "load_average": os.getloadavg()[0],
    }


def compare(expected: pd.DataFrame, served: pd.DataFrame) -> int:
    """Returns for how many users an export gives the same items in the same order.

    Items to which the export gives equal scores may change places.

    Args:
        expected: `user_id`, `item_id` and `rank`, before the export.
        served: The same of the export, with `score`.

    Raises:
        ValueError: They are not the same.
    """
    both = expected.merge(served, "outer", on=["user_id", "rank"], suffixes=("", "_served"))
    scores = served.set_index(PAIR)["score"]
    # NaN, which is close to nothing, where either side lacks the item or the rank.
    wanted = scores.reindex(pd.MultiIndex.from_frame(both[PAIR])).to_numpy()
    wrong = both[~np.isclose(both["score"], wanted, rtol=_TOLERANCE, atol=_TOLERANCE / 100)]
    if len(wrong):
        raise ValueError(
            f"an export must answer as its model did, received at {len(wrong)} of {len(both)} "
            f"places another item, such as {wrong.iloc[0].to_dict()}."
        )
    return int(both["user_id"].nunique())

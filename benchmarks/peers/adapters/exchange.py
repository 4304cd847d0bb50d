"""What every adapter shares: it reads a problem, and writes answers with what they cost.

This file and its neighbours run in the peers' environments: pandas is all that they may count on.
"""

import json
import pathlib
import resource
import sys
import time
from collections.abc import Callable

import pandas as pd


def answer(
    recommend: Callable[[pd.DataFrame, pd.DataFrame, pd.Series, dict], pd.DataFrame],
) -> None:
    """Answers the problem in the folder that the command line names first.

    Args:
        recommend: From the training rows, the known rows, the users who are asked and the
            settings to a table of `user_id`, `item_id` and `rank`. It may add "epochs" to the
            settings: seconds of each.
    """
    folder, out = map(pathlib.Path, sys.argv[1:3])
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "known", "asked")]
    spec = json.loads((folder / "spec.json").read_text())
    start = time.perf_counter()
    found = recommend(tables[0], tables[1], tables[2]["user_id"], spec)
    spec["seconds"] = time.perf_counter() - start
    spec["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.mkdir(parents=True, exist_ok=True)
    found[["user_id", "item_id", "rank"]].to_parquet(out / "answers.parquet", index=False)
    (out / "cost.json").write_text(json.dumps(spec, default=float))

"""Scores predictions anew by scikit-learn: it shares no code with ours."""

import importlib.metadata
import json
import pathlib
import sys

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

EPSILON = 1e-7  # Ours takes the logarithm of no smaller probability.


def gauc(rows: pd.DataFrame) -> float:
    """Returns the mean of the users' AUCs, weighted by rows, where a user has both classes."""
    both = rows[rows.groupby("user_id")["label"].transform("nunique") == 2]
    groups = [group for _, group in both.groupby("user_id")]
    values = [roc_auc_score(group["label"], group["prediction"]) for group in groups]
    return float(np.average(values, weights=[len(group) for group in groups]))


def main() -> None:
    """Reads answers and what was wanted from the folder named, and writes check.json there."""
    folder = pathlib.Path(sys.argv[1])
    parts = [pd.read_parquet(folder / f"{n}.parquet") for n in ("wanted", "answers")]
    rows = pd.concat(parts, axis=1)
    values = {
        "auc": float(roc_auc_score(rows["label"], rows["prediction"])),
        "gauc": gauc(rows),
        "log_loss": log_loss(rows["label"], rows["prediction"].clip(EPSILON, 1 - EPSILON)),
    }
    version = importlib.metadata.version("scikit-learn")
    text = json.dumps({"library": f"scikit-learn {version}", "values": values})
    (folder / "check.json").write_text(text)


main()

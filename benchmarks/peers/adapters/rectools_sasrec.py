"""SASRec of RecTools, with the softmax over the catalogue or over some negatives."""

import pandas as pd
from exchange import Recommend, Watch, answer
from rectools.models import SASRecModel
from rectools_transformers import fit


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers after the best epoch."""
    negatives = spec.get("negatives")
    return fit(
        SASRecModel,
        rows,
        spec,
        watch,
        n_blocks=2,
        n_heads=spec.get("heads", 1),
        loss="sampled_softmax" if negatives else "softmax",
        n_negatives=negatives or 1,
    )


answer(train, "rectools", "torch")

"""SASRec of RecTools, with the softmax over the catalogue or over some negatives."""

import pathlib

import pandas as pd
from exchange import Watch
from exports import Loaded, Trained, take_part
from rectools.models import SASRecModel
from rectools_transformers import fit, read_export


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
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


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a data set of one user."""
    return read_export(SASRecModel, folder, spec)


take_part(train, load, "rectools", "torch")

"""BERT4Rec of RecTools, with its defaults besides width, length and batch."""

import pathlib

import pandas as pd
from exchange import Watch
from exports import Loaded, Trained, take_part
from rectools.models import BERT4RecModel
from rectools_transformers import fit, read_export


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
    """Returns the answers after the best epoch; the mask that asks takes one place of a history."""
    return fit(BERT4RecModel, rows, spec, watch)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a data set of one user."""
    return read_export(BERT4RecModel, folder, spec)


take_part(train, load, "rectools", "torch")

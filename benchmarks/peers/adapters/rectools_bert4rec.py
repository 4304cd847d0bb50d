"""BERT4Rec of RecTools, with its defaults besides width, length and batch."""

import pandas as pd
from exchange import Recommend, Watch, answer
from rectools.models import BERT4RecModel
from rectools_transformers import fit


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers after the best epoch; the mask that asks takes one place of a history."""
    return fit(BERT4RecModel, rows, spec, watch)


answer(train, "rectools", "torch")

"""What adapters of models that rank share: rows with codes in, a probability for each row out."""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
from exchange import Watch, compete, read

# From rows to the probabilities of their labels.
Predict = Callable[[pd.DataFrame], np.ndarray]


def answer_rows(train: Callable[[pd.DataFrame, dict, Watch], Predict], *distributions: str) -> None:
    """Answers the problem in the folder that the command line names first.

    Args:
        train: From the training rows, the settings and a watch, which it calls after each epoch, to
            a function that predicts. The settings hold "sizes": how many codes a column has, of
            which 0 is a value that training never saw.
        *distributions: Whose versions are noted.
    """
    rows, validation, test = map(read, ("train", "validation", "test"))

    def judge(predict: Predict) -> float:
        return auc(validation["label"].to_numpy(), predict(validation))

    def ask(predict: Predict, spec: dict) -> pd.DataFrame:
        return pd.DataFrame({"prediction": np.asarray(predict(test), np.float64).ravel()})

    compete(functools.partial(train, rows), judge, ask, "auc", distributions)


def auc(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Returns the share of pairs in which the positive stands above, ties counting a half."""
    ranks = pd.Series(np.ravel(predictions)).rank().to_numpy()
    positives = labels > 0.5
    wins = ranks[positives].sum() - positives.sum() * (positives.sum() + 1) / 2
    return float(wins / (positives.sum() * (~positives).sum()))

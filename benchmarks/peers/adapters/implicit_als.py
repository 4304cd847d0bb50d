"""iALS of the library implicit, with its defaults."""

import numpy as np
import pandas as pd
from exchange import answer
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix


def recommend(train: pd.DataFrame, known: pd.DataFrame, asked: pd.Series, spec: dict):
    """Returns the best items by the factors; what is known by then moves the users' factors."""
    users, items = np.unique(known["user_id"]), np.unique(train["item_id"])

    def matrix(rows: pd.DataFrame) -> csr_matrix:
        rows = rows[rows["item_id"].isin(items)]
        places = np.searchsorted(users, rows["user_id"]), np.searchsorted(items, rows["item_id"])
        ones = np.ones(len(rows), np.float32)
        return csr_matrix((ones, places), shape=(len(users), len(items)))

    model = AlternatingLeastSquares(
        factors=spec.get("dim", 100),
        regularization=spec.get("regularization", 0.01),
        alpha=spec.get("alpha", 1.0),
        random_state=spec["seed"],
        num_threads=spec["threads"],
    )
    model.fit(matrix(train), show_progress=False)
    rows, seen = np.searchsorted(users, asked), matrix(known)
    found, _ = model.recommend(
        rows, seen[rows], N=spec["k"], filter_already_liked_items=True, recalculate_user=True
    )
    count = found.shape[1]
    table = {
        "user_id": np.repeat(asked, count),
        "item_id": items[np.maximum(found, 0)].ravel(),
        "rank": np.tile(np.arange(1, count + 1), len(asked)),
    }
    return pd.DataFrame(table)[found.ravel() >= 0]


answer(recommend)

"""Interactions as a sparse matrix of users and items, which several libraries take."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix


def make_matrix(rows: pd.DataFrame, users: np.ndarray, items: np.ndarray) -> csr_matrix:
    """Returns `[U, C]` with a one where a user had an item.

    Args:
        rows: `user_id` and `item_id`; those of other users and items are left out.
        users: The ids of the rows, ascending.
        items: The ids of the columns, ascending.
    """
    rows = rows[rows["item_id"].isin(items) & rows["user_id"].isin(users)]
    rows = rows.drop_duplicates(["user_id", "item_id"])
    places = np.searchsorted(users, rows["user_id"]), np.searchsorted(items, rows["item_id"])
    ones = np.ones(len(rows), np.float32)
    return csr_matrix((ones, places), shape=(len(users), len(items)))


def make_rows(rows: pd.DataFrame, users: np.ndarray, items: np.ndarray) -> Sequence[csr_matrix]:
    """Returns a matrix `[1, C]` for each user, in the order of the users."""
    known, places = np.unique(users, return_inverse=True)
    matrix = make_matrix(rows, known, items)
    return [matrix[place] for place in places]

"""Answers by the inner products of users' and items' vectors, which several libraries give."""

import dataclasses

import numpy as np
import pandas as pd
from exchange import best_of, ranked
from matrices import make_matrix


@dataclasses.dataclass(frozen=True)
class Factors:
    """Vectors of the users and the items that training saw; other users get no answer.

    Attributes:
        users: The ids of the users, ascending.
        items: The ids of the items, ascending.
        user_vectors: One for each user.
        item_vectors: One for each item.
    """

    users: np.ndarray
    items: np.ndarray
    user_vectors: np.ndarray
    item_vectors: np.ndarray

    def recommend(self, known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        """Returns the best items that are not among what is known of each user, ids ascending."""
        users = users[np.isin(users, self.users)]
        seen, found = make_matrix(known, users, self.items), []
        for part in np.array_split(np.arange(len(users)), -(-len(users) // 1024)):
            places = np.searchsorted(self.users, users[part])
            scores = self.user_vectors[places] @ self.item_vectors.T
            found.append(best_of(scores, seen[part], self.items, k))
        return ranked(users, np.concatenate(found))

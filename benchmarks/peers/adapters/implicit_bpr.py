"""BPR of the library implicit, with its defaults besides the width."""

import numpy as np
import pandas as pd
from exchange import Recommend, Watch, answer, ranked
from implicit.bpr import BayesianPersonalizedRanking
from matrices import make_matrix


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers by the factors; users whom training never saw get none."""
    trained, items = np.unique(rows["user_id"]), np.unique(rows["item_id"])
    model = BayesianPersonalizedRanking(
        factors=spec["dim"], random_state=spec["seed"], num_threads=spec["threads"]
    )
    model.fit(make_matrix(rows, trained, items), show_progress=False)

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        users = users[np.isin(users, trained)]
        seen = make_matrix(known, users, items)
        found, _ = model.recommend(np.searchsorted(trained, users), seen, N=k)
        return ranked(users, np.where(found >= 0, items[np.maximum(found, 0)], -1))

    return recommend


answer(train, "implicit", "numpy")

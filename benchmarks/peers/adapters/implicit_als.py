"""iALS of the library implicit, with its defaults besides the width."""

import numpy as np
import pandas as pd
from exchange import Recommend, Watch, answer, ranked
from implicit.als import AlternatingLeastSquares
from matrices import make_matrix


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers by the factors; what is known by then moves the users' factors."""
    items = np.unique(rows["item_id"])
    model = AlternatingLeastSquares(
        factors=spec["dim"], random_state=spec["seed"], num_threads=spec["threads"]
    )
    model.fit(make_matrix(rows, np.unique(rows["user_id"]), items), show_progress=False)

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        seen = make_matrix(known, users, items)
        found, _ = model.recommend(np.arange(len(users)), seen, N=k, recalculate_user=True)
        return ranked(users, np.where(found >= 0, items[np.maximum(found, 0)], -1))

    return recommend


answer(train, "implicit", "numpy")

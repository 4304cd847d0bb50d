"""WARP of LightFM's living fork, with the defaults besides the width."""

import copy

import numpy as np
import pandas as pd
from exchange import Recommend, Watch, answer, best_of, ranked
from lightfm import LightFM
from matrices import make_matrix


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers after the best epoch; users whom training never saw get none."""
    trained, items = np.unique(rows["user_id"]), np.unique(rows["item_id"])
    matrix = make_matrix(rows, trained, items).tocoo()
    model = LightFM(no_components=spec["dim"], loss="warp", random_state=spec["seed"])

    def make_recommend(model: LightFM) -> Recommend:
        def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
            users = users[np.isin(users, trained)]
            biases, vectors = model.get_item_representations()
            _, all_users = model.get_user_representations()
            seen, found = make_matrix(known, users, items), []
            for part in np.array_split(np.arange(len(users)), -(-len(users) // 1024)):
                places = np.searchsorted(trained, users[part])
                scores = all_users[places] @ vectors.T + biases
                found.append(best_of(scores, seen[part], items, k))
            return ranked(users, np.concatenate(found))

        return recommend

    while True:
        model.fit_partial(matrix, epochs=1, num_threads=spec["threads"])
        if watch(make_recommend(model), lambda: copy.deepcopy(model)):
            return make_recommend(watch.kept)


answer(train, "lightfm-next", "numpy")

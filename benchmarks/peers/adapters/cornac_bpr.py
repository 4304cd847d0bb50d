"""BPR of Cornac, with its defaults besides the width."""

import numpy as np
import pandas as pd
from cornac.data import Dataset
from cornac.models import BPR
from exchange import Recommend, Watch, answer, best_of, ranked
from matrices import make_matrix


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers by the factors; users whom training never saw get none."""
    pairs = rows[["user_id", "item_id"]].drop_duplicates().assign(weight=1.0)
    table = Dataset.from_uir(pairs.itertuples(index=False, name=None), seed=spec["seed"])
    model = BPR(k=spec["dim"], seed=spec["seed"], num_threads=spec["threads"])
    model.fit(table)
    items = np.array(list(table.iid_map))
    order = np.argsort(items)

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        users = users[np.isin(users, list(table.uid_map))]
        seen, found = make_matrix(known, users, items[order]), []
        for part in np.array_split(np.arange(len(users)), -(-len(users) // 1024)):
            scores = np.stack([model.score(table.uid_map[user])[order] for user in users[part]])
            found.append(best_of(scores, seen[part], items[order], k))
        return ranked(users, np.concatenate(found))

    return recommend


answer(train, "cornac", "numpy")

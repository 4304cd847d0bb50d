"""EASE of RecTools, with its defaults."""

import numpy as np
import pandas as pd
from exchange import Recommend, Watch, answer
from rectools.dataset import Dataset, IdMap, Interactions
from rectools.models import EASEModel


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Recommend:
    """Returns the answers by the history of what is known by then."""
    items = IdMap.from_values(np.unique(rows["item_id"]))

    def table_of(rows: pd.DataFrame, users: np.ndarray) -> Dataset:
        rows = rows[rows["item_id"].isin(items.external_ids) & rows["user_id"].isin(users)]
        rows = rows.drop_duplicates(["user_id", "item_id"])
        people = IdMap.from_values(np.unique(rows["user_id"]))
        times = pd.to_datetime(rows["order"], unit="s")
        raw = rows[["user_id", "item_id"]].assign(datetime=times, weight=1.0)
        return Dataset(people, items, Interactions.from_raw(raw, people, items))

    model = EASEModel(recommend_n_threads=spec["threads"])
    model.fit(table_of(rows, rows["user_id"]))

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        known = table_of(known, users)
        return model.recommend(known.user_id_map.external_ids, known, k, filter_viewed=True)

    return recommend


answer(train, "rectools", "scipy")

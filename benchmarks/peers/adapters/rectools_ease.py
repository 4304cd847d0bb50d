"""EASE of RecTools, with its defaults."""

import pathlib

import numpy as np
import pandas as pd
from exchange import Watch
from exports import Loaded, Trained, take_part
from rectools.dataset import Dataset, IdMap, Interactions
from rectools.models import EASEModel, load_model


def table_of(rows: pd.DataFrame, items: IdMap) -> Dataset:
    """Returns the rows as RecTools takes them; the order stands for the time."""
    rows = rows[rows["item_id"].isin(items.external_ids)]
    rows = rows.drop_duplicates(["user_id", "item_id"])
    people = IdMap.from_values(np.unique(rows["user_id"]))
    times = pd.to_datetime(rows["order"], unit="s")
    raw = rows[["user_id", "item_id"]].assign(datetime=times, weight=1.0)
    return Dataset(people, items, Interactions.from_raw(raw, people, items))


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
    """Returns the answers by the history of what is known by then."""
    items = IdMap.from_values(np.unique(rows["item_id"]))
    model = EASEModel(recommend_n_threads=spec["threads"])
    model.fit(table_of(rows, items))

    def recommend(known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        known = table_of(known, items)
        users = users[np.isin(users, known.user_id_map.external_ids)]
        return model.recommend(users, known, k, filter_viewed=True)

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        model.save(folder / "model.pkl")
        np.save(folder / "items.npy", items.external_ids)

    return Trained(recommend, export)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a user's id and the data set of all users, of which it makes a row.

    A data set of one user is no way: EASE takes the last item that it holds for the last of all.
    """
    model, items = load_model(folder / "model.pkl"), IdMap(np.load(folder / "items.npy"))

    def questions(known: pd.DataFrame, users: np.ndarray) -> list[tuple[np.ndarray, Dataset]]:
        everybody = table_of(known, items)
        return [(np.array([user]), everybody) for user in users]

    def ask(question: tuple[np.ndarray, Dataset]) -> tuple[np.ndarray, np.ndarray]:
        found = model.recommend(*question, spec["k"], filter_viewed=True)
        return found["item_id"].to_numpy(), found["score"].to_numpy()

    return Loaded(questions, ask)


take_part(train, load, "rectools", "scipy")

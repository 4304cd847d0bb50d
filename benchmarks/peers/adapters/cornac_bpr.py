"""BPR of Cornac, with its defaults besides the width."""

import pathlib

import numpy as np
import pandas as pd
from cornac.data import Dataset
from cornac.models import BPR
from exchange import Watch, best_of, ranked
from exports import Loaded, Trained, best_of_one, take_part
from matrices import make_matrix, make_rows


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
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

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        model.save(folder)

    return Trained(recommend, export)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a user's number and the places of what the user had."""
    model = BPR.load(str(folder / "BPR"))
    items = np.array(list(model.iid_map))

    def questions(known: pd.DataFrame, users: np.ndarray) -> list[tuple[int, np.ndarray]]:
        order = np.argsort(items)
        seen = (order[row.indices] for row in make_rows(known, users, items[order]))
        return list(zip((model.uid_map[user] for user in users), seen, strict=True))

    def ask(question: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        user, seen = question
        return best_of_one(model.score(user), seen, items, spec["k"])

    return Loaded(questions, ask)


take_part(train, load, "cornac", "numpy")

"""WARP of LightFM's living fork, with the defaults besides the width."""

import copy
import pathlib
import pickle

import numpy as np
import pandas as pd
from exchange import Recommend, Watch, best_of, ranked
from exports import Loaded, Trained, best_of_one, take_part
from lightfm import LightFM
from matrices import make_matrix, make_rows


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
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

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        (folder / "model.pkl").write_bytes(pickle.dumps((watch.kept, trained, items)))

    while True:
        model.fit_partial(matrix, epochs=1, num_threads=spec["threads"])
        if watch(make_recommend(model), lambda: copy.deepcopy(model)):
            return Trained(make_recommend(watch.kept), export)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a user's number and the places of what the user had."""
    model, trained, items = pickle.loads((folder / "model.pkl").read_bytes())
    places = np.arange(len(items), dtype=np.int32)

    def questions(known: pd.DataFrame, users: np.ndarray) -> list[tuple[int, np.ndarray]]:
        numbers = np.searchsorted(trained, users).tolist()
        seen = (row.indices for row in make_rows(known, users, items))
        return list(zip(numbers, seen, strict=True))

    def ask(question: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        user, seen = question
        scores = model.predict(user, places, num_threads=spec["threads"])
        return best_of_one(scores, seen, items, spec["k"])

    return Loaded(questions, ask)


take_part(train, load, "lightfm-next", "numpy")

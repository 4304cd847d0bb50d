"""iALS of the library implicit, with its defaults besides the width."""

import pathlib

import numpy as np
import pandas as pd
from exchange import Watch, ranked
from exports import Loaded, Trained, take_part
from implicit.als import AlternatingLeastSquares
from implicit.cpu.als import AlternatingLeastSquares as Model
from matrices import make_matrix, make_rows
from scipy.sparse import csr_matrix


def train(rows: pd.DataFrame, spec: dict, watch: Watch) -> Trained:
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

    def export(known: pd.DataFrame, folder: pathlib.Path) -> None:
        model.save(folder / "model.npz")
        np.save(folder / "items.npy", items)

    return Trained(recommend, export)


def load(folder: pathlib.Path, spec: dict) -> Loaded:
    """Returns what answers by a user's row of the matrix."""
    model, items = Model.load(str(folder / "model.npz")), np.load(folder / "items.npy")

    def ask(row: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        found, scores = model.recommend(0, row, N=spec["k"], recalculate_user=True)
        return np.where(found >= 0, items[found], -1), scores

    return Loaded(lambda known, users: make_rows(known, users, items), ask)


take_part(train, load, "implicit", "numpy")

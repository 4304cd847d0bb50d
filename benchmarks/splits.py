"""Real data from a folder, split as the benchmarks of retrieval ask for it."""

import pathlib

import numpy as np
import pandas as pd

from tfrs_ext import data

SPLITS = {
    "leave-one-out": data.leave_one_out,
    "global-time": data.global_time_split,
    "random": data.random_split,
}
PLAYS = "user_listen_artist_rels.parquet"  # Last.fm 2k has no times of plays.


def load(path: str, split: str = "leave-one-out") -> data.Split:
    """Returns the split of a folder with MovieLens, ratings, interactions, or Last.fm's plays.

    Args:
        path: The folder.
        split: One of `SPLITS`.
    """
    return SPLITS[split](_load_frames(pathlib.Path(path)))


def _load_frames(folder: pathlib.Path) -> data.Frames:
    if (folder / "interactions.parquet").exists():
        return data.load_frames(folder / "interactions.parquet")
    if (folder / PLAYS).exists():
        return _load_plays(folder / PLAYS)
    if folder.name == "ml-100k":
        return data.load_movielens("100k", folder)
    if not (folder / "ratings.parquet").exists():
        return data.load_movielens("1m", folder)
    ratings = pd.read_parquet(folder / "ratings.parquet").dropna(subset="order_in_user")
    ratings = ratings.sort_values(["user_id", "order_in_user"], kind="stable")
    # Some moments are estimates: none may contradict the order.
    moments = ratings.groupby("user_id")["timestamp_filled"].transform(
        lambda column: column.ffill().bfill().cummax()
    )
    log = ratings[["user_id", "movie_id"]].assign(timestamp=moments.astype(np.int64))
    log.columns = pd.Index(["user_id", "item_id", "timestamp"])
    return data.load_frames(log)


def _load_plays(path: pathlib.Path) -> data.Frames:
    """Returns who played what; a user's favourites come first there, so rows are shuffled."""
    plays = pd.read_parquet(path)[["sourceNodeId", "targetNodeId"]].sample(frac=1, random_state=0)
    log = plays.set_axis(["user_id", "item_id"], axis=1)
    return data.load_frames(log, schema=data.Schema(timestamp=None))

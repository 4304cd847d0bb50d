"""A data set with planted preferences, so that the best possible figures are known."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tfrs_ext.data.frames import Frames
from tfrs_ext.data.load import load_frames
from tfrs_ext.data.schema import Schema
from tfrs_ext.data.titles import CATEGORIES, make_titles

Floats = npt.NDArray[np.float64]

SEGMENTS = ("student", "parent", "commuter", "night owl", "retired", "collector")
SCHEMA = Schema(
    title="title",
    user_features={"segment": "categorical", "age": "numeric"},
    item_features={
        "title": "text",
        "category": "categorical",
        "price": "numeric",
        "released": "timestamp",
    },
)
_WIDTH = 8
_PHASES = 4
_DRIFT = np.pi / 3  # The angle between a user's first taste and the last.
_START, _YEAR = 1_700_000_000, 31_536_000


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """What the interactions of `synthetic` were drawn from.

    Args:
        log_preferences: `[U, I]` float32: at the end of their time, user u takes next item i with
            probability `exp(log_preferences[u, i])`, divided by the sum over the items not taken
            before. Rows and columns as in the user and item tables.
    """

    log_preferences: npt.NDArray[np.float32]

    def best_recall(self, history: Frames, k: int) -> float:
        """Returns the expected share of next items among the best k that anybody could name.

        Args:
            history: What the users took before.
            k: How many items are named.
        """
        weights = np.exp(self.log_preferences.astype(np.float64))
        weights[history.user_rows(), history.item_rows()] = 0.0
        weights /= weights.sum(axis=1, keepdims=True)
        users = np.unique(history.user_rows())
        return float(np.sort(weights[users], axis=1)[:, -k:].sum(axis=1).mean())


def synthetic(
    num_users: int = 2_000,
    num_items: int = 1_000,
    interactions_per_user: int = 50,
    seed: int = 0,
) -> tuple[Frames, Truth]:
    """Draws users who take items by taste and popularity, never the same item twice.

    User u takes item i with log-probability `log_popularity_i + 0.7 <taste_u(t), quality_i>` up to
    a constant. Popularity is Zipf's. Taste comes in part from the user's segment and age, quality
    from the item's category, title words and price; the rest shows in the interactions alone. In
    the course of time a taste turns by 60 degrees, so that a user's latest items tell more of the
    next one than the first do.

    Args:
        num_users: Rows of the user table.
        num_items: Rows of the item table.
        interactions_per_user: Their mean; their distribution is skewed, from 5 upwards.
        seed: Equal seeds give equal data.

    Returns:
        The frames and the truth.

    Raises:
        ValueError: If there are fewer than 2 users, 20 items or 5 interactions per user, or too
            few items for so many interactions.

    Example:
        >>> frames, truth = synthetic(num_users=50, num_items=60, interactions_per_user=6)
        >>> truth.log_preferences.shape
        (50, 60)
    """
    _check(num_users, num_items, interactions_per_user)
    rng = np.random.default_rng(seed)
    users, taste = _users(num_users, rng)
    items, quality, log_popularity = _items(num_items, rng)
    counts = _counts(num_users, num_items, interactions_per_user, rng)
    drift = rng.normal(size=taste.shape)
    taken = np.zeros((num_users, num_items), bool)
    draws = []
    for phase in range(_PHASES):
        angle = _DRIFT * (1.0 - phase / (_PHASES - 1))
        now = np.cos(angle) * taste + np.sin(angle) * drift
        log_preferences = _log_preferences(now, quality, log_popularity)
        begin, end = counts * phase // _PHASES, counts * (phase + 1) // _PHASES
        draws.append(_draw(log_preferences, taken, begin, end, rng))
    user, item, place = np.concatenate(draws, axis=1)
    log = pd.DataFrame(
        {
            "user_id": users["user_id"].to_numpy()[user],
            "item_id": items["item_id"].to_numpy()[item],
            "timestamp": _times(counts, rng)[user, place],
        }
    )
    return load_frames(log, users, items, SCHEMA), Truth(log_preferences.astype(np.float32))


def _users(size: int, rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    segment = rng.integers(len(SEGMENTS), size=size)
    age = rng.integers(16, 80, size=size)
    taste = 0.7 * rng.normal(size=(len(SEGMENTS), _WIDTH))[segment]
    taste += 0.7 * rng.normal(size=(size, _WIDTH))
    taste[:, 0] += (age - 48) / 18
    table = pd.DataFrame(
        {
            "user_id": 1 + rng.permutation(size),
            "segment": np.array(SEGMENTS, object)[segment],
            "age": age,
        }
    )
    return table, taste


def _items(size: int, rng: np.random.Generator) -> tuple[pd.DataFrame, Floats, Floats]:
    category = rng.integers(len(CATEGORIES), size=size)
    quality = rng.normal(size=(len(CATEGORIES), _WIDTH))[category]
    quality = 0.7 * quality + 0.7 * rng.normal(size=(size, _WIDTH))
    price = np.round(np.exp(2.5 + 0.5 * quality[:, 0] + 0.2 * rng.normal(size=size)), 2)
    log_popularity = -0.9 * np.log(1.0 + rng.permutation(size))
    table = pd.DataFrame(
        {
            "item_id": 1 + rng.permutation(size),
            "title": make_titles(category, quality[:, 1], rng),
            "category": np.array(CATEGORIES, object)[category],
            "price": price,
            "released": _START - rng.integers(5 * _YEAR, size=size),
        }
    )
    return table, quality, log_popularity


def _counts(
    num_users: int, num_items: int, mean: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    extra = rng.lognormal(sigma=0.8, size=num_users)
    counts = 5 + np.round(extra * (mean - 5) / extra.mean()).astype(np.int64)
    return np.minimum(counts, num_items // 2)


def _log_preferences(taste: Floats, quality: Floats, log_popularity: Floats) -> Floats:
    logits = log_popularity + 0.7 * taste @ quality.T
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _draw(
    log_preferences: Floats,
    taken: npt.NDArray[np.bool_],
    begin: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    # The order of Gumbel-perturbed log-probabilities is a draw without replacement, one by one.
    noisy = np.where(taken, np.inf, -log_preferences - rng.gumbel(size=taken.shape))
    longest = int((end - begin).max())
    best = np.argpartition(noisy, longest, axis=1)[:, :longest]
    best = np.take_along_axis(best, np.argsort(np.take_along_axis(noisy, best, 1), axis=1), 1)
    user, place = np.nonzero(np.arange(longest) < (end - begin)[:, None])
    item = best[user, place]
    taken[user, item] = True
    return np.stack([user, item, begin[user] + place])


def _times(counts: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    start = rng.uniform(0.0, 0.95, size=(len(counts), 1))
    length = (1.0 - start) * rng.uniform(0.3, 1.0, size=start.shape)
    moments = np.where(
        np.arange(counts.max()) < counts[:, None],
        rng.uniform(size=(len(counts), counts.max())),
        np.inf,
    )
    ordered = np.minimum(np.sort(moments, axis=1), 1.0)
    return (_START + _YEAR * (start + length * ordered)).astype(np.int64)


def _check(num_users: int, num_items: int, interactions_per_user: int) -> None:
    sizes: dict[str, tuple[Any, int]] = {
        "num_users": (num_users, 2),
        "num_items": (num_items, 20),
        "interactions_per_user": (interactions_per_user, 5),
    }
    for name, (value, least) in sizes.items():
        if value < least:
            raise ValueError(f"`{name}` must be at least {least}, received {value}.")
    if interactions_per_user > num_items // 4:
        raise ValueError(
            f"`interactions_per_user` must be at most a quarter of `num_items`, received "
            f"{interactions_per_user} and {num_items}."
        )

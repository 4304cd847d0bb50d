"""Histories of queries hold what came before, oldest first, with repeats and times."""

import numpy as np
import pandas as pd
import pytest

from tfrs_ext import data

RNG = np.random.default_rng(0)
LOG = pd.DataFrame(
    {
        "user_id": RNG.integers(0, 5, 80),
        "item_id": RNG.integers(0, 9, 80),
        "timestamp": RNG.integers(0, 40, 80),
    }
).drop_duplicates(ignore_index=True)


def _before(user, time, upto):
    """A user's events before a row, by a loop: earlier times, or earlier rows of equal time."""
    rows = [(t, n) for n, (u, t) in enumerate(zip(LOG.user_id, LOG.timestamp, strict=True))]
    own = sorted(pair for pair, u in zip(rows, LOG.user_id, strict=True) if u == user)
    return [LOG.item_id[n] for pair in own if pair < (time, upto) for n in [pair[1]]]


@pytest.mark.parametrize("ask", [data.next_item_queries, data.evaluation_queries])
def test_histories_are_what_users_took_before_oldest_first(ask):
    split = data.leave_one_out(data.load_frames(LOG))
    features = data.fit_features(split.train)
    known = data.join(split.train, split.validation)
    found = ask(split.test, features, history_from=known)
    users, items = known.users["user_id"].to_numpy(), known.items["item_id"].to_numpy()
    for row, history in zip(found.user_rows, found.histories.to_list(), strict=True):
        last = LOG[LOG.user_id == users[row]].sort_values("timestamp", kind="stable").iloc[-1]
        assert items[history].tolist() == _before(users[row], last.timestamp, last.name)


def test_times_belong_to_the_items_of_histories():
    frames = data.load_frames(LOG)
    pairs = zip(
        data.item_histories(frames).to_list(), data.history_times(frames).to_list(), strict=True
    )
    for user, (history, times) in enumerate(pairs):
        own = LOG[LOG.user_id == user].sort_values("timestamp", kind="stable")
        assert frames.items["item_id"].to_numpy()[history].tolist() == own.item_id.tolist()
        assert times == own.timestamp.tolist()

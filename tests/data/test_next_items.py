"""next_item_queries shows each held-out row what was there before it, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_ext import data


def frames_of(rows):
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    items = pd.DataFrame({"item_id": np.arange(6)})
    users = pd.DataFrame({"user_id": np.arange(4)})
    return data.Frames(table, users, items, data.Schema())


row = st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 9))


@settings(max_examples=40, deadline=None)
@given(st.lists(row, min_size=1, max_size=15), st.lists(row, min_size=1, max_size=10))
def test_each_row_sees_exactly_what_its_user_did_before(earlier, held_out):
    train, part = frames_of(earlier), frames_of([(u, i, t + 5) for u, i, t in held_out])
    features = data.fit_features(train, history_length=3)
    queries = data.next_item_queries(part, features, history_from=train)
    log = [(t, 0, n, u, i) for n, (u, i, t) in enumerate(earlier)]
    log += [(t + 5, 1, n, u, i) for n, (u, i, t) in enumerate(held_out)]
    for n, (user, item, time) in enumerate(held_out):
        before = [x for x in sorted(log) if x[3] == user and x[:3] < (time + 5, 1, n)]
        past = [x[4] for x in before]
        assert queries.queries["user_id"][n] == user
        assert queries.queries["history"][n].tolist() == ([-1] * 3 + past)[-3:]
        assert queries.seen[n].numpy().tolist() == sorted(set(past) - {item})
        assert queries.positives[n].numpy().tolist() == [item]
        assert queries.cold[n] == (not past)


def test_a_sample_is_drawn_without_replacement_and_by_seed():
    train, part = frames_of([(0, 1, 1)]), frames_of([(0, i, 10 + i) for i in range(6)])
    features = data.fit_features(train)
    first, again, other = (
        data.next_item_queries(part, features, history_from=train, max_queries=3, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first.positives.to_list() == again.positives.to_list() != other.positives.to_list()
    assert len(set(map(tuple, first.positives.to_list()))) == 3


def test_no_queries_are_refused():
    train = frames_of([(0, 1, 1)])
    with pytest.raises(ValueError, match="`max_queries` must be at least 1, received 0"):
        data.next_item_queries(train, data.fit_features(train), history_from=train, max_queries=0)

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tables import frames_of, logs, rows_of, searching
from tests.oracles import interactions as oracle
from tfrs_ext.data import Schema, global_time_split, join, leave_one_out, load_frames, random_split


def _parts(split):
    return split.train, split.validation, split.test


def _split_or_reject(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except ValueError:
        hypothesis.reject()


@searching
@given(logs())
def test_leave_one_out_holds_out_each_users_last_two(rows):
    frames = frames_of(rows)
    split = _split_or_reject(leave_one_out, frames)
    for part, expected in zip(_parts(split), oracle.leave_one_out(rows_of(frames)), strict=True):
        assert sorted(rows_of(part)) == sorted(expected)


@searching
@given(logs(min_size=5), st.floats(0.05, 0.45), st.floats(0.05, 0.45))
def test_global_time_split_never_trains_on_the_future(rows, validation, test):
    frames = frames_of(rows)
    split = _split_or_reject(global_time_split, frames, validation, test)
    train, validation, test = (part.times() for part in _parts(split))
    assert train.max() < validation.min()
    assert validation.max() < test.min()
    assert len(train) + len(validation) + len(test) == len(rows)


def test_global_time_split_holds_out_about_the_fractions():
    frames = frames_of([(i % 7, i % 11, i) for i in range(1000)])
    sizes = [len(part.interactions) for part in _parts(global_time_split(frames, 0.1, 0.2))]
    assert sizes == [700, 100, 200]


@searching
@given(logs(min_size=8), st.integers(0, 3))
def test_random_split_never_trains_on_a_held_out_pair(rows, seed):
    frames = frames_of(rows)
    split = _split_or_reject(random_split, frames, 0.3, 0.3, seed)
    pairs = [{row[:2] for row in rows_of(part)} for part in _parts(split)]
    assert not pairs[0] & pairs[1] | pairs[0] & pairs[2] | pairs[1] & pairs[2]
    assert sorted(rows_of(join(*_parts(split)))) == sorted(rows)


def test_random_split_repeats_under_its_seed_alone():
    frames = frames_of([(i % 7, i % 11, i) for i in range(70)])
    first, again, other = (random_split(frames, seed=seed) for seed in (1, 1, 2))
    assert rows_of(first.test) == rows_of(again.test) != rows_of(other.test)


@pytest.mark.parametrize("split", [leave_one_out, global_time_split, random_split])
def test_parts_share_the_tables_and_stay_in_order(split):
    frames = frames_of([(i % 5, i % 11, i // 3) for i in range(100)])
    for part in _parts(split(frames)):
        assert part.users is frames.users
        assert part.items is frames.items
        assert np.all(np.diff(part.times()) >= 0)
        assert part.interactions.index.tolist() == list(range(len(part.interactions)))


def test_join_undoes_a_split_by_time():
    frames = frames_of([(i % 5, i % 11, i) for i in range(60)])
    split = leave_one_out(frames)
    assert rows_of(join(split.test, split.train, split.validation)) == rows_of(frames)


@pytest.mark.parametrize("fractions", [(0.0, 0.1), (0.1, -0.1), (0.5, 0.5)])
@pytest.mark.parametrize("split", [global_time_split, random_split])
def test_rejects_fractions_that_leave_nothing(split, fractions):
    with pytest.raises(ValueError, match="must be positive and leave something"):
        split(frames_of([(1, 2, 3), (1, 3, 4)]), *fractions)


def test_rejects_a_time_split_without_times():
    log = pd.DataFrame({"user_id": [1, 1], "item_id": [1, 2]})
    frames = load_frames(log, schema=Schema(timestamp=None))
    with pytest.raises(ValueError, match=r"needs timestamps.*Use `leave_one_out`"):
        global_time_split(frames)


def test_says_which_part_would_be_empty():
    with pytest.raises(ValueError, match="The validation part would be empty, received 2 inter"):
        leave_one_out(frames_of([(1, 2, 3), (1, 3, 4)]))

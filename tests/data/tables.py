"""Frames from rows, rows from frames, and the strategy that draws rows."""

import hypothesis
import pandas as pd
from hypothesis import strategies as st

from tfrs_ext.data import load_frames

searching = hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)


def frames_of(rows, columns=("user_id", "item_id", "timestamp")):
    return load_frames(pd.DataFrame(rows, columns=list(columns)))


def rows_of(frames):
    columns = ["user_id", "item_id", "timestamp"]
    return list(frames.interactions[columns].itertuples(index=False, name=None))


def logs(min_size=1, max_users=5):
    """Distinct rows (user, item, time) with many ties."""
    row = st.tuples(st.integers(0, max_users - 1), st.integers(0, 6), st.integers(0, 5))
    return st.lists(row, min_size=min_size, max_size=40, unique=True)

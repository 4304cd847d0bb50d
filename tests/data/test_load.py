import datetime

import numpy as np
import pandas as pd
import pytest

from tfrs_ext.data import DataWarning, Schema, load_frames


def _log(**columns):
    return pd.DataFrame(
        {"user_id": [1, 1, 2], "item_id": [5, 6, 5], "timestamp": [3, 1, 2], **columns}
    )


def test_orders_rows_by_time_and_keeps_the_order_of_ties():
    frames = load_frames(_log(user_id=[1, 2, 3], timestamp=[5, 1, 1]))
    assert frames.interactions["user_id"].tolist() == [2, 3, 1]


def test_derives_tables_from_the_interactions():
    frames = load_frames(_log())
    assert frames.users["user_id"].tolist() == [1, 2]
    assert frames.items["item_id"].tolist() == [5, 6]
    assert frames.user_rows().tolist() == [0, 1, 0]
    assert frames.item_rows().tolist() == [1, 0, 0]
    assert repr(frames) == "Frames(3 interactions, 2 users, 2 items)"


def test_leaves_the_callers_tables_alone():
    log, items = _log(), pd.DataFrame({"item_id": [5, 6], "x": ["1", "2"]})
    copies = log.copy(), items.copy()
    load_frames(log, items=items, schema=Schema(item_features={"x": "numeric"}))
    pd.testing.assert_frame_equal(log, copies[0])
    pd.testing.assert_frame_equal(items, copies[1])


@pytest.mark.parametrize(
    ("ids", "dtype"),
    [
        (np.array([5, 6, 5], np.int32), "int64"),
        ([5.0, 6.0, 5.0], "int64"),
        (pd.array([5, 6, 5], dtype="Int64"), "int64"),
        (pd.Categorical([5, 6, 5]), "int64"),
        (["x", "y", "x"], object),
        (pd.Categorical(["x", "y", "x"]), object),
    ],
)
def test_ids_are_integers_or_strings(ids, dtype):
    column = load_frames(_log(item_id=ids)).interactions["item_id"]
    assert column.dtype == dtype
    assert column.tolist() == [ids[1], ids[2], ids[0]]


@pytest.mark.parametrize(
    "times",
    [
        [3600, 0, 1800],
        [3600.9, 0.0, 1800.2],
        ["1970-01-01T01:00:00", "1970-01-01", "1970-01-01T02:30:00+02:00"],
        [
            datetime.datetime(1970, 1, 1, 1),
            datetime.date(1970, 1, 1),
            datetime.datetime(1970, 1, 1, 0, 30),
        ],
        pd.to_datetime([3600, 0, 1800], unit="s"),
        pd.to_datetime([3600, 0, 1800], unit="s", utc=True).tz_convert("Asia/Tokyo"),
    ],
)
def test_times_become_seconds(times):
    interactions = load_frames(_log(timestamp=times)).interactions
    assert interactions["timestamp"].dtype == "int64"
    assert interactions["timestamp"].tolist() == [0, 1800, 3600]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"user_id": [1, None, 2]},
            r"\['user_id'\] must have an id in every row, received .* in row 1",
        ),
        ({"item_id": ["a", None, "b"]}, r"\['item_id'\] must have an id in every row"),
        ({"item_id": [1, -1, 2]}, r"\['item_id'\] must not be negative, received -1 in row 1"),
        ({"item_id": [1, 1.5, 2]}, r"whole numbers or strings, received .*1\.5.* row 1"),
        ({"item_id": ["a", "", "b"]}, r"\['item_id'\] must not be empty.*, received '' in row 1"),
        ({"item_id": ["a", 7, "b"]}, r"integers or strings, received 7 in row 1.*astype\(str\)"),
        ({"item_id": [True, False, True]}, "received booleans"),
        (
            {"timestamp": [3, -5, 1]},
            r"\['timestamp'\] must not be before 1970, received .*-5.* row 1",
        ),
        (
            {"timestamp": ["2020-01-01", "soon", "2020-01-02"]},
            r"'timestamp'.*received 'soon' in row 1",
        ),
        ({"timestamp": [978300760000] * 3}, "must be in seconds since 1970, not milliseconds"),
        ({"timestamp": [1.0, np.inf, 2.0]}, "must hold finite numbers"),
    ],
)
def test_rejects_unusable_interactions(columns, message):
    with pytest.raises(ValueError, match=message):
        load_frames(_log(**columns))


def test_names_a_missing_column():
    with pytest.raises(ValueError, match=r"one column 'movie_id', received 0 among .*'item_id'"):
        load_frames(_log(), schema=Schema(item_id="movie_id"))


@pytest.mark.parametrize(
    ("weight", "message"),
    [([1, None, 1], "1 missing"), ([1, -2, 1], "negative"), (["x", 1, 1], "received 'x' in row 0")],
)
def test_rejects_unusable_weights(weight, message):
    with pytest.raises(ValueError, match=message):
        load_frames(_log(w=weight), schema=Schema(weight="w"))


def test_counts_what_it_leaves_out_and_warns_once():
    log = pd.DataFrame(
        {
            "user_id": [1, 1, 1, 1, 2],
            "item_id": [5, 5, 6, 7, 5],
            "timestamp": [1, 1, 2, 3, None],
        }
    )
    with pytest.warns(DataWarning) as warned:
        frames = load_frames(log, items=pd.DataFrame({"item_id": [5, 6]}))
    assert len(warned) == 1
    assert len(frames.interactions) == 2
    untimed, unknown, repeated = frames.notes
    assert "1 of 5 interactions without a 'timestamp'" in untimed
    assert "1 of 4 interactions whose 'item_id' is missing in items, for example 7" in unknown
    assert "1 of 3 interactions that repeat" in repeated


def test_keeps_repeats_at_other_times():
    assert len(load_frames(_log(user_id=[1, 1, 1], item_id=[5, 5, 5])).interactions) == 3


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([5, 6, 5], r"items\['item_id'\] must hold each id once, received 5 again"),
        (
            ["5", "6"],
            r"'item_id' must be of one type in interactions and items, received 5 and '5'",
        ),
        ([8, 9], r"received none that does, for example 5"),
        ([5, None], r"items\['item_id'\] must have an id in every row"),
    ],
)
@pytest.mark.filterwarnings("ignore::tfrs_ext.data.DataWarning")
def test_rejects_item_tables_that_do_not_fit(items, message):
    with pytest.raises(ValueError, match=message):
        load_frames(_log(), items=pd.DataFrame({"item_id": items}, dtype=object).infer_objects())


def test_rejects_features_that_are_not_of_their_kind():
    users = pd.DataFrame({"user_id": [1, 2], "age": ["30", "old"]})
    with pytest.raises(
        ValueError, match=r"users\['age'\] must hold finite numbers, received 'old'"
    ):
        load_frames(_log(), users, schema=Schema(user_features={"age": "numeric"}))


def test_a_time_among_the_features_may_lie_before_1970():
    items = pd.DataFrame({"item_id": [5, 6], "made": ["1969-12-31", None]})
    frames = load_frames(_log(), items=items, schema=Schema(item_features={"made": "timestamp"}))
    assert frames.items["made"].tolist() == [-86400, pd.NA]


def test_works_without_timestamps_in_the_order_of_rows():
    frames = load_frames(_log().drop(columns="timestamp"), schema=Schema(timestamp=None))
    assert frames.interactions["item_id"].tolist() == [5, 6, 5]


def test_without_times_the_weights_of_repeated_rows_are_summed():
    log = pd.DataFrame({"user_id": [1, 1, 1], "item_id": [7, 8, 7], "plays": [2.0, 1.0, 3.0]})
    with pytest.warns(DataWarning, match="Summed the 'plays' of 1 repeated interactions"):
        frames = load_frames(log, schema=Schema(timestamp=None, weight="plays"))
    assert frames.interactions["plays"].tolist() == [5.0, 1.0]
    assert frames.interactions["item_id"].tolist() == [7, 8]


def test_counts_as_weights_get_a_hint():
    log = pd.DataFrame({"user_id": [1, 1], "item_id": [7, 8], "timestamp": [1, 2]})
    with pytest.warns(DataWarning, match=r"largest 'plays' is 5,780: .*log1p"):
        load_frames(log.assign(plays=[5780, 1]), schema=Schema(weight="plays"))


def test_labels_may_be_coded_as_categories():
    log = pd.DataFrame({"user_id": [1, 1], "item_id": [7, 8], "timestamp": [1, 2]})
    for stars in (pd.Categorical([1.0, 0.0]), pd.Categorical(["1", "0"])):
        frames = load_frames(log.assign(stars=stars), schema=Schema(label="stars"))
        assert frames.interactions["stars"].tolist() == [1.0, 0.0]

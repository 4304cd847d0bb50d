"""Labels from columns as people have them."""

import pandas as pd
import pytest

from tfrs_ext import data


def load(column):
    rows = range(len(column))
    log = pd.DataFrame({"user_id": rows, "item_id": rows, "timestamp": rows, "value": column})
    return data.load_frames(log)


def labels_of(column, **options):
    frames = data.label_by_column(load(column), "value", **options)
    return frames.interactions["label"].tolist()


@pytest.mark.parametrize(
    ("column", "options", "expected"),
    [
        ([0, 1, 1], {}, [0, 1, 1]),
        ([True, False], {}, [1, 0]),
        (["0", "1"], {}, [0, 1]),
        (pd.Categorical([0, 1, 1]), {}, [0, 1, 1]),
        ([0.2, 0.9], {}, [0.2, 0.9]),
        ([-1, 1, 1], {"positive_from": 0.5}, [0, 1, 1]),
        ([10, 3, 7], {"positive_from": 7}, [1, 0, 1]),
        ([20, 100, None], {"positive_from": 80}, [0, 1]),
        (["view", "cart", "buy"], {"positive_values": ["buy", "cart"]}, [0, 1, 1]),
    ],
)
def test_stars_clicks_and_events_become_labels(column, options, expected):
    assert labels_of(column, **options) == pytest.approx(expected)


def test_missing_cells_are_left_out_and_noted_not_negatives():
    frames = data.label_by_column(load([5, None, 2, None]), "value", positive_from=4)
    assert frames.interactions["label"].tolist() == [1, 0]
    assert frames.interactions["item_id"].tolist() == [0, 2]
    assert frames.notes == ("Left out 2 of 4 interactions without a 'value'.",)


@pytest.mark.parametrize(
    ("column", "options", "message"),
    [
        ([1, 5, 3], {}, r"must lie from 0 to 1, received 1 to 5.*`positive_from=3`"),
        ([1, 5], {"positive_from": 9}, "received negatives alone: its values are 1, 5"),
        ([1, 1], {}, "received positives alone"),
        (["view", "buy"], {}, "must hold numbers, received 'view', 'buy'.*`positive_values`"),
        (["view"], {"positive_values": ["sale"]}, r"received \['sale'\]; it holds 'view'"),
    ],
)
def test_what_is_no_label_is_refused_with_the_mend(column, options, message):
    with pytest.raises(ValueError, match=message):
        labels_of(column, **options)


def test_a_column_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"`column` must be a column of the interactions.*stars"):
        data.label_by_column(load([0, 1]), "stars")

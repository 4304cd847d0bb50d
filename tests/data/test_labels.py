"""Labelled rows, and what models that rank see of them."""

import re

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.tables import frames_of, logs, rows_of, searching
from tests.oracles import interactions as oracle
from tfrs_ext.data import fit_features, ranking_dataset, synthetic, with_labels, with_negatives


def _batches(dataset):
    columns, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    histories = np.concatenate([batch["history"] for batch in columns])
    items = np.concatenate([batch["item_id"] for batch in columns])
    return histories.tolist(), items.tolist(), np.concatenate(labels).tolist()


@hypothesis.settings(searching, max_examples=10)
@given(logs(), st.data())
def test_histories_hold_the_positives_that_came_before(rows, data):
    labels = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    frames = frames_of(rows)
    examples = with_labels(frames, labels)
    dataset = ranking_dataset(examples, fit_features(frames, 3), 7, shuffle=False)
    histories, items, read = _batches(dataset)
    assert read == [float(label) for label in labels]
    ordered = rows_of(frames)
    assert items == [item for _, item, _ in ordered]
    for place, row in enumerate(ordered):
        kept = [other for i, other in enumerate(ordered) if labels[i] or i == place]
        assert histories[place] == oracle.history_before(kept, kept.index(row), 3, -1)


def test_held_out_rows_look_back_on_what_was_known():
    whole = frames_of([(1, 5, 1), (1, 6, 2), (1, 7, 3), (1, 5, 4)])
    known, later = (
        with_labels(whole.select(np.array(rows)), labels)
        for rows, labels in (([0, 1], [1, 0]), ([2, 3], [1, 1]))
    )
    dataset = ranking_dataset(later, fit_features(whole, 2), 8, history=known, shuffle=False)
    assert _batches(dataset)[0] == [[-1, 5], [5, 7]]


@hypothesis.settings(searching, max_examples=10)
@given(st.integers(1, 3), st.integers(0, 5))
def test_negatives_are_never_what_the_user_took(number, seed):
    frames, _ = synthetic(20, 30, 6, seed=seed)
    examples = with_negatives(frames, number, seed=seed).interactions
    taken = set(frames.interactions[["user_id", "item_id"]].itertuples(index=False, name=None))
    pairs = list(examples[["user_id", "item_id"]].itertuples(index=False, name=None))
    assert [pair in taken for pair in pairs] == (examples["label"] == 1).tolist()
    assert examples["label"].sum() == len(frames.interactions)
    assert len(examples) == (number + 1) * len(frames.interactions)


def test_a_negative_is_seen_with_the_history_of_its_positive():
    frames, _ = synthetic(20, 30, 6)
    features = fit_features(frames, 4)
    histories, _, labels = _batches(
        ranking_dataset(with_negatives(frames, 2), features, 64, shuffle=False)
    )
    positives, _, _ = _batches(
        ranking_dataset(
            with_labels(frames, np.ones(len(frames.interactions))), features, 64, shuffle=False
        )
    )
    assert histories == [history for history in positives for _ in range(3)]
    assert labels == [0.0, 0.0, 1.0] * len(positives)


def test_negatives_are_drawn_evenly():
    rows = [(user, item, user) for user in range(400) for item in [user % 10, (user + 1) % 10]]
    drawn = with_negatives(frames_of(rows), 5).interactions.query("label == 0")["item_id"]
    counts = drawn.value_counts().to_numpy()
    expected = len(drawn) / 10
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # Chi-square, 9 degrees, p = .001.


def test_what_is_taken_later_is_no_negative():
    whole = frames_of([(1, item, item) for item in range(5)] + [(2, 5, 9)])
    early = whole.select(np.array([0]))
    examples = with_negatives(early, 20, known=whole)
    assert set(examples.interactions.query("label == 0")["item_id"]) == {5}


def test_weights_follow_the_label(shop):
    (batch,) = ranking_dataset(shop, fit_features(shop, 2), 10, shuffle=False).as_numpy_iterator()
    columns, labels, weights = batch
    assert labels.tolist() == [5, 4, 3, 2, 1, 5]
    assert weights.tolist() == [1.0, 0.5, 2.0, 1.0, 0.0, 1.0]
    assert not {"stars", "sample_weight", "weight"} & set(columns)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 0], "`labels` must have 3 values, received shape (2,)"),
        ([1, 0, 5], "`labels` must lie from 0 to 1, received 5.0"),
        ([1, 0, float("nan")], "`labels` must lie from 0 to 1, received nan"),
    ],
)
def test_wrong_labels_are_refused(labels, message):
    frames = frames_of([(1, 5, 1), (1, 6, 2), (2, 5, 3)])
    with pytest.raises(ValueError, match=re.escape(message)):
        with_labels(frames, labels)


def test_what_leaves_no_negatives_is_refused():
    frames = frames_of([(1, 5, 1), (1, 6, 2)])
    with pytest.raises(ValueError, match="received one who took all 2"):
        with_negatives(frames)
    with pytest.raises(ValueError, match="`num_negatives` must be at least 1, received 0"):
        with_negatives(frames, 0)
    with pytest.raises(ValueError, match="`frames` must have a label"):
        ranking_dataset(frames, fit_features(frames), 8)

"""What the ranker of the recipe of two stages learns on."""

import numpy as np
import pytest
import tensorflow as tf

from recipes import shown_lists
from recipes.rule_options import RuleOptions
from recipes.shared.source import DataSource
from recipes.two_stage_settings import TwoStageSettings
from tfrs_ext import data

frames, _ = data.synthetic(300, 48, 12, seed=3)
rng = np.random.default_rng(0)


class Tower:
    """A tower for which all users are alike."""

    def __call__(self, columns, training):
        return tf.ones([tf.shape(columns["history"])[0], 3])

    def predict(self, columns, batch_size, verbose):
        return np.ones([len(columns["history"]), 3], np.float32)


class ItemTower:
    """A tower that knows nothing of items."""

    def predict(self, columns, verbose):
        return rng.normal(size=(len(frames.items), 3)).astype(np.float32)


class Retriever:
    """A retriever that hasn't learnt."""

    query_model, candidate_model = Tower(), ItemTower()


def make_settings(folder, candidates):
    numbers = {"trials": 1, "trial_epochs": 1, "epochs": 1, "patience": 1, "k": 5, "seed": 0}
    nothing = dict.fromkeys(("budget", "user", "out", "requests"))
    names = {"index": "exact", "model": "two_tower", "ranker": "wide_deep"}
    settings = TwoStageSettings.of(
        "two_stage",
        source=DataSource(),
        runs=folder,
        base=folder,
        fresh=False,
        candidates=candidates,
        rules=RuleOptions(None, None, None, 0.7, None),
        **numbers,
        **nothing,
        **names,
    )
    settings.__dict__["frames"] = frames
    return settings


def pairs_of(batches):
    """Triples of a user, an item and a label."""
    return {
        triple
        for columns, labels in batches
        for triple in zip(
            columns["user_id"].numpy(), columns["item_id"].numpy(), labels.numpy(), strict=True
        )
    }


def taken_in(rows):
    return {*zip(rows["user_id"], rows["item_id"], strict=True)}


@pytest.mark.slow
def test_small_catalogues_have_lists_that_know_nothing_of_the_rows_to_choose_by(tmp_path):
    settings = make_settings(tmp_path, candidates=4)
    space, batches = settings.ranker_data(Retriever())
    learnt, checked = pairs_of(batches["train"](64)), pairs_of(batches["validation_data"])
    assert 2 <= space.list_size <= 4 + 2 + 1
    for columns, labels in batches["train"](64):
        lists = labels.numpy().reshape(-1, space.list_size)
        assert np.array_equal(lists.sum(axis=1), np.ones(len(lists)))
        assert len(set(map(len, columns.values()))) == 1

    rows = settings.split.validation.interactions.sort_values("timestamp", kind="stable")
    before, cut = taken_in(settings.split.train.interactions), len(rows) * 4 // 5
    earlier, later = taken_in(rows.iloc[:cut]), taken_in(rows.iloc[cut:])
    untaken = {(user, item) for user, item, label in learnt if not label}
    assert untaken & later
    assert not untaken & (before | earlier)
    untaken = {(user, item) for user, item, label in checked if not label}
    assert untaken
    assert not untaken & (before | earlier | later)


def make_shown(width, seed=0):
    features = data.fit_features(frames, history_length=5)
    asked = data.next_item_queries(
        frames, features, history_from=frames.select(np.arange(0)), max_queries=200
    )
    draw = np.random.default_rng(seed)
    shown = np.array([draw.permutation(len(frames.items))[:width] for _ in asked.user_rows])
    return shown_lists.Shown(asked, shown, frames.select(np.arange(0)))


@pytest.mark.parametrize(("widths", "size"), [((30, 25), 20), ((30, 8), 8), ((2, 30), 2)])
def test_lists_are_as_long_as_the_shorter_part_is_shown(widths, size):
    parts = {str(width): make_shown(width) for width in widths}
    found, lists = shown_lists.draw_lists(parts, candidates=9, seed=0)
    assert found == size
    for name, pairs in lists.items():
        sizes = np.unique(pairs.queries, return_counts=True)[1]
        assert {*sizes} == {size}
        positives = parts[name].asked.positives.flat_values.numpy()
        shows = (parts[name].items == positives[:, None]).any(axis=1)
        assert 2 * len(sizes) >= shows.sum()


@pytest.mark.parametrize("items", [[[-1]], [[0]]])
def test_without_any_list_the_option_is_named(items):
    part = make_shown(3)
    positives = part.asked.positives.flat_values.numpy()[:, None]
    bad = shown_lists.Shown(part.asked, np.where(np.array(items) < 0, -1, positives), part.known)
    message = "`candidates` must be so large .* received 9: among the 200 checked rows none"
    with pytest.raises(ValueError, match=message):
        shown_lists.draw_lists({"train": make_shown(5), "checked": bad}, candidates=9, seed=0)

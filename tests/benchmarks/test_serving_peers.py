"""The harness for exports of peers: what a fresh process is asked, and the section it makes."""

import textwrap

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers import contest, labels, page, serving_contest
from benchmarks.peers.problem import Problem
from tests.benchmarks.test_peers import load_adapter, rows_for_the_page
from tfrs_ext import data

SPEC = {"dim": 4, "length": 5, "batch_size": 32, "max_epochs": 1, "patience": 1, "threads": 1}
SPEC |= {"seed": 0}
# Ranks items by their ids, without a library: what it exports is what `{kept}` says.
ADAPTER = """
    '''Counting by hand, with its defaults.'''
    import sys
    sys.path.insert(0, {adapters!r})
    import numpy as np
    from exchange import ranked
    from exports import Loaded, Trained, best_of_one, take_part

    def best(had, items, k):
        scores = items.astype(float)
        return best_of_one(scores, np.flatnonzero(np.isin(items, had)), items, k)

    def train(rows, spec, watch):
        items = np.unique(rows["item_id"])

        def recommend(known, users, k):
            had = known.groupby("user_id")["item_id"]
            lists = [best(had.get_group(user), items, k)[0] for user in users]
            width = max(map(len, lists))
            padded = [np.append(found, [-1] * (width - len(found))) for found in lists]
            return ranked(users, np.array(padded, np.int64))

        return Trained(recommend, lambda known, folder: np.save(folder / "items.npy", {kept}))

    def load(folder, spec):
        items = np.load(folder / "items.npy")

        def questions(known, users):
            return [known["item_id"][known["user_id"] == user] for user in users]

        return Loaded(questions, lambda had: best(had, items, spec["k"]))

    take_part(train, load, "numpy")
"""


@pytest.fixture(scope="module")
def problem():
    frames, _ = data.synthetic(40, 150, 12)
    return Problem("serving-made-up", data.leave_one_out(frames))


@pytest.fixture
def exports(monkeypatch):
    monkeypatch.syspath_prepend(contest.ADAPTERS)
    return load_adapter("exports")


def write_adapter(tmp_path, monkeypatch, kept):
    """Writes an adapter beside no others, and lets exchanges be in a folder that is gone later."""
    text = textwrap.dedent(ADAPTER).format(adapters=str(contest.ADAPTERS), kept=kept)
    (tmp_path / "counting_byhand.py").write_text(text.lstrip())
    for module in (contest, labels):
        monkeypatch.setattr(module, "ADAPTERS", tmp_path)
    monkeypatch.setattr(contest, "HOME", tmp_path)


def test_a_fresh_process_answers_from_the_export_alone(problem, tmp_path, monkeypatch):
    write_adapter(tmp_path, monkeypatch, kept="items")
    serving_contest.check_names(["ours:counting_byhand"])
    row = serving_contest.measure(problem, "ours:counting_byhand", SPEC)
    items = problem.train["item_id"].nunique()
    assert row["export_megabytes"] == pytest.approx((128 + 8 * items) / 1e6)  # The header of .npy.
    assert row["checked_users"] == 30
    assert 0 < row["ask_ms_p50"] <= row["ask_ms_p99"]
    assert set(serving_contest.COSTS) <= set(row)
    assert row["versions"] == {"numpy": np.__version__}
    assert not list(tmp_path.glob("exchange/*/*"))


def test_an_export_that_answers_otherwise_has_no_row(problem, tmp_path, monkeypatch):
    write_adapter(tmp_path, monkeypatch, kept="items[:-1]")
    with pytest.raises(ValueError, match="an export must answer as its model did"):
        serving_contest.measure(problem, "ours:counting_byhand", SPEC)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["item_to_item", "two_tower"])
def test_our_models_answer_from_their_export_as_before(problem, tmp_path, monkeypatch, model):
    monkeypatch.setattr(contest, "HOME", tmp_path)
    assert serving_contest.measure(problem, model, SPEC)["checked_users"] == 30


def lists_of(*lists):
    """Returns items of users 1, 2 and so on, best first."""
    return pd.DataFrame(
        [
            (user, item, rank)
            for user, items in enumerate(lists, start=1)
            for rank, item in enumerate(items, start=1)
        ],
        columns=["user_id", "item_id", "rank"],
    )


@pytest.mark.parametrize("served", [[7, 8, 9], [8, 7, 9]])
def test_items_with_equal_scores_may_change_places(served):
    scores = {7: 2.0, 8: 2.0, 9: 1.0}
    found = lists_of(served).assign(score=[scores[item] for item in served])
    assert serving_contest.compare(lists_of([7, 8, 9]), found) == 1


@pytest.mark.parametrize("served", [[7, 9, 8], [7, 8, 5], [7, 8], [7, 8, 9, 5]])
def test_other_items_and_other_orders_are_errors(served):
    scores = {7: 3.0, 8: 2.0, 9: 1.0, 5: 0.5}
    found = lists_of(served).assign(score=[scores[item] for item in served])
    with pytest.raises(ValueError, match="another item"):
        serving_contest.compare(lists_of([7, 8, 9]), found)


def test_the_best_items_of_one_user_leave_out_those_that_were_seen(exports):
    ids, scores = exports.best_of_one(
        np.array([0.1, 0.9, 0.5, 0.7]), np.array([1]), np.array([6, 7, 8, 9]), k=2
    )
    assert (ids.tolist(), scores.tolist()) == ([9, 8], [0.7, 0.5])
    nothing, _ = exports.best_of_one(np.ones(2), np.arange(2), np.arange(2), k=2)
    assert nothing.tolist() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--models", "two_towers"], "`--models` must be of .*'two_towers'"),
        (["--models", "--peers", "implicit:implicit_sla"], "adapters that export"),
        (["--models", "--peers", "implicit:implicit_bpr"], r"cornac_bpr.*'implicit:implicit_bpr'"),
    ],
)
def test_a_contestant_that_cannot_be_served_is_refused_before_anything_is_read(options, message):
    with pytest.raises(ValueError, match=message):
        command.main(["serve", "--path", "nowhere", *options])


def rows_that_serve():
    shared = {**SPEC, "split": "leave-one-out", "checked_users": 30, "date": "2026-01-02"}
    shared |= {"versions": {"numpy": "2.0"}, "load_average": 0.5, "export_seconds": 1.25}
    shared |= {"export_megabytes": 3.5, "load_seconds": 0.0625}
    asks = {"ease": (0.5, 1.5), "implicit:implicit_als": (0.25, 0.75)}
    return [
        {**shared, "contestant": name, "ask_ms_p50": p50, "ask_ms_p99": p99}
        for name, (p50, p99) in asks.items()
    ]


def test_the_page_has_a_section_on_serving_after_the_others(tmp_path, monkeypatch):
    facts = {"data": "made-up", "split": "leave-one-out", "tfrs_ext": "0.1", "training_rows": 1000}
    facts |= {"training_users": 4, "items": 9, "users_asked": 4, "wanted_items": 8}
    facts |= {"wanted_items_unknown_to_training": 0.25}
    facts |= {"machine": {"processor": "Abacus", "cores": 2}}
    retrieval = {"facts": facts, "rows": rows_for_the_page(tmp_path, monkeypatch)}
    serving = {"facts": {**facts, "task": "serving"}, "rows": rows_that_serve()}
    text, without = page.text_of([serving, retrieval]), page.text_of([retrieval])
    before, after = without.split("## What it was measured with")
    assert text.startswith(before)  # The other sections are as they were.
    section = text[len(before) :].split("## What it was measured with")[0]
    assert section.startswith("## Serving\n")
    assert "how good the model is" in section
    head = "| model | s to export | MB | s to load | ms for one user, p50 | p99 |"
    first, second = section.split(head)[1].split("\n")[2:4]
    assert first == "| iALS of the library implicit | 1.25 | 3.5 | 0.06 | 0.25 | 0.75 |"
    assert second.startswith("| `ease` |")
    without_export = section.split("Without an export here: ")[1].split(".")[0].split("; ")
    assert "BPR of the library implicit" in without_export
    assert "iALS of the library implicit" not in without_export
    assert "WARP of LightFM's living fork" in section.split("Not measured yet: ")[1]
    assert "serve --path made-up --split leave-one-out" in section
    assert "The machine had loads of 0 to 0." in section
    assert "ir-measures 0.4" in text
    assert "Without an export" not in without
    assert after.split("|")[1:3] == text.split("## What it was measured with")[1].split("|")[1:3]


def test_adapters_that_export_say_so_by_what_they_define():
    exporting = labels.exporting_adapters()
    assert {"implicit_als", "rectools_sasrec", "tfrs_two_tower"} <= exporting
    assert exporting < labels.retrieval_adapters()

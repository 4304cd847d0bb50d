"""Every rule against plain loops, in graphs of unknown shape."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import reranking as oracle
from tests.reranking.lists import items_of, make, traced
from tfrs_ext import reranking
from tfrs_ext.ops.positions import no_score

ITEMS = 12
ROW = st.lists(
    st.tuples(st.integers(0, ITEMS - 1), st.floats(-4, 4, width=16)),
    max_size=ITEMS,
    unique_by=(lambda pair: pair[0], lambda pair: pair[1]),
)
ROWS = st.lists(ROW, min_size=1, max_size=4)
TAGS = [["a"], ["b"], ["a", "b"], [], ["c"], ["a", "c"]] * 2
GROUPS = [0, 0, 0, 1, 1, -1, -1, -1, 2, 2, 2, 2]
FACTORS = [0.25, 0.5, 1.0, 2.0, 4.0, 1.0] * 2
EXCLUDE, FILTER, BOOST = (
    reranking.Exclude("hidden"),
    reranking.FilterTags(TAGS),
    reranking.Boost(FACTORS),
)
COOL_DOWN = {rest: reranking.CoolDown(0.8, half_life=10.0, rest_days=rest) for rest in (0.0, 3.0)}
SETTINGS = settings(max_examples=25, deadline=None, database=None, derandomize=True)


def sorted_items(row):
    return [item for item, _ in sorted(row, key=lambda pair: -pair[1])]


@functools.cache
def limit(as_text, at_most):
    groups = ["" if g < 0 else f"g{g}" for g in GROUPS] if as_text else GROUPS
    return reranking.LimitGroups(groups, at_most)


@functools.cache
def varied(cls, share):
    return cls(VECTORS, share)


def of_width(rows, dtype, padding):
    width = max(1, *map(len, rows))
    padded = [[*row, *[padding] * (width - len(row))] for row in rows]
    return tf.constant(padded, dtype)


@SETTINGS
@given(ROWS, st.lists(st.integers(-1, ITEMS), max_size=5))
def test_excluded_items_are_left_out(rows, exclusions):
    rule = EXCLUDE
    request = {"hidden": of_width([exclusions] * len(rows), tf.int32, -1)}
    found = items_of(traced(rule, make(rows, ITEMS), request, 5))
    assert found == [oracle.exclude(sorted_items(row), exclusions) for row in rows]
    assert rule.excluded(request) is request["hidden"]


@SETTINGS
@given(ROWS, st.lists(st.sampled_from("abcx"), max_size=3), st.lists(st.sampled_from("abc")))
def test_tags_are_allowed_and_denied(rows, allow, deny):
    wanted = {"allow": allow, "deny": deny}
    request = {n: of_width([tags] * len(rows), tf.string, "") for n, tags in wanted.items()}
    found = items_of(traced(FILTER, make(rows, ITEMS), request, 5))
    assert found == [oracle.filter_tags(sorted_items(row), TAGS, allow, deny) for row in rows]


@pytest.mark.parametrize("as_text", [False, True])
@SETTINGS
@given(rows=ROWS, at_most=st.integers(1, 4))
def test_groups_are_limited_to_their_best(as_text, rows, at_most):
    found = items_of(traced(limit(as_text, at_most), make(rows, ITEMS), {}, 5))
    assert found == [oracle.limit_groups(sorted_items(row), GROUPS, at_most) for row in rows]


@SETTINGS
@given(ROWS)
def test_boosts_multiply_scores_and_sort_anew(rows):
    ranked = traced(BOOST, make(rows, ITEMS), {}, 5)
    assert isinstance(ranked, reranking.Ranked)
    for row, found, scores in zip(rows, items_of(ranked), ranked.scores.numpy(), strict=True):
        lifted = oracle.scaled([s for _, s in row], [FACTORS[item] for item, _ in row])
        by_item = dict(zip([item for item, _ in row], lifted, strict=True))
        assert sorted(found) == sorted(by_item)
        expected = [by_item[item] for item in found]
        np.testing.assert_allclose(scores[: len(found)], expected, rtol=1e-6)
        assert expected == sorted(expected, reverse=True)


def test_a_boost_is_a_reason_where_it_lifts():
    rule = reranking.Boost([1.0, 2.0, 0.5], reason="new")
    assert isinstance(rule, reranking.Rule)
    assert rule.reason == "new"
    assert rule.explains(tf.constant([[0, 1, 2, -1]])).numpy().tolist() == [[0, 1, 0, 0]]
    assert not np.any(reranking.Exclude().explains(tf.constant([[0, -1]])))


@SETTINGS
@given(
    ROWS,
    st.lists(st.tuples(st.integers(-1, ITEMS - 1), st.floats(-1, 60, width=16)), max_size=6),
    st.sampled_from([0.0, 3.0]),
)
def test_items_that_were_shown_cool_down(rows, showings, rest_days):
    shown, days = [i for i, _ in showings], [d for _, d in showings]
    request = {
        "shown": of_width([shown] * len(rows), tf.int32, -1),
        "days_since": of_width([days] * len(rows), tf.float32, 0.0),
    }
    ranked = traced(COOL_DOWN[rest_days], make(rows, ITEMS), request, 5)
    for row, found, scores in zip(rows, items_of(ranked), ranked.scores.numpy(), strict=True):
        listed = [s for _, s in row]
        expected = oracle.cool_down([i for i, _ in row], listed, shown, days, 0.8, 10.0, rest_days)
        assert sorted(found) == sorted(item for item, _ in expected)
        np.testing.assert_allclose(scores[: len(found)], [s for _, s in expected], rtol=1e-4)


VECTORS = np.random.default_rng(1).normal(size=(ITEMS, 5)).astype(np.float32)
VECTORS[3] = VECTORS[4] * 2  # Alike but for the length.
VECTORS[7] = 0


@pytest.mark.parametrize(
    ("cls", "gains_of"),
    [
        (reranking.MarginalRelevance, oracle.marginal_relevance_gains),
        (reranking.Determinantal, oracle.determinantal_gains),
    ],
)
@SETTINGS
@given(rows=ROWS, k=st.integers(1, 5), share=st.sampled_from([0.0, 0.3, 0.9]))
def test_each_choice_has_the_largest_gain(cls, gains_of, rows, k, share):
    found = items_of(traced(varied(cls, share), make(rows, ITEMS), {}, k))
    for row, items in zip(rows, found, strict=True):
        listed = sorted_items(row)
        assert sorted(items) == sorted(listed)
        if not row:
            continue
        scores = [score for _, score in sorted(row, key=lambda pair: -pair[1])]
        chosen = []
        for item in items[:k]:
            gains = gains_of(scores, VECTORS[listed], share, chosen)
            place = listed.index(item)
            best = np.nanmax(gains)
            if cls is reranking.Determinantal and best < -8:
                break  # What the chosen items span is never chosen: the old order goes on.
            assert gains[place] >= best - 2e-3 * max(1, abs(best))
            chosen.append(place)
        rest = [item for item in listed if item not in items[:k]]
        assert items[k:] == rest


def test_all_share_to_relevance_changes_nothing_and_some_makes_lists_more_varied():
    rng = np.random.default_rng(2)
    rows = [list(enumerate(rng.normal(size=ITEMS))) for _ in range(20)]
    unchanged = traced(reranking.MarginalRelevance(VECTORS, 1.0), make(rows), {}, ITEMS)
    np.testing.assert_array_equal(unchanged.positions, make(rows).positions)
    likeness = oracle.cosines(VECTORS)

    def likeness_of(share, cls):
        lists = items_of(traced(varied(cls, share), make(rows), {}, 4))
        return np.mean([likeness[np.ix_(items[:4], items[:4])].mean() for items in lists])

    for cls in (reranking.MarginalRelevance, reranking.Determinantal):
        assert likeness_of(0.3, cls) < likeness_of(0.9, cls) - 0.03


def test_items_that_the_chosen_ones_span_follow_in_their_old_order():
    vectors = np.array([[1, 0], [0, 1], [1, 1], [-1, 2], [3, 1]], np.float32)
    row = [(i, 5.0 - i) for i in range(5)]
    items = items_of(traced(reranking.Determinantal(vectors, 0.5), make([row]), {}, 5))[0]
    assert sorted(items) == [0, 1, 2, 3, 4]
    assert items[3:] == sorted(items[3:])  # Three choices span two dimensions and the constant.


def test_lists_without_an_item_stay_empty():
    empty = make([[]], 3)
    for rule in (
        reranking.LimitGroups(GROUPS, 1),
        reranking.Boost(np.ones(ITEMS)),
        reranking.MarginalRelevance(VECTORS),
        reranking.Determinantal(VECTORS),
    ):
        ranked = traced(rule, empty, {}, 2)
        assert items_of(ranked) == [[]]
        assert np.all(ranked.scores == np.float32(no_score()))


def test_inputs_have_an_empty_value():
    kinds = {"items": [[-1]] * 2, "tags": [[b""]] * 2, "numbers": [[0.0]] * 2}
    for kind, expected in kinds.items():
        request = reranking.RequestInput("x", kind)
        assert request.empty(tf.constant(2)).numpy().tolist() == expected


@pytest.mark.parametrize(
    ("make_rule", "message"),
    [
        (lambda: reranking.LimitGroups([0, 1], 0), "`at_most` must be a positive integer"),
        (lambda: reranking.LimitGroups([0.5], 1), "`groups` must be integers or strings"),
        (lambda: reranking.Boost([1.0, 0.0]), "`factors` must be greater than 0, received 0.0"),
        (lambda: reranking.Boost([[1.0]]), r"`factors` must have a row for each item, \[C\]"),
        (lambda: reranking.Boost([np.nan]), "`factors` must be finite"),
        (lambda: reranking.CoolDown(1.0), "`loss` must be from 0 up to but not"),
        (lambda: reranking.CoolDown(half_life=0), "`half_life` must be greater than 0"),
        (lambda: reranking.MarginalRelevance(VECTORS, 1.1), "`share` must be from 0 to 1"),
        (lambda: reranking.Determinantal(VECTORS, 1.0), "`share` must be from 0 up to but not"),
        (lambda: reranking.Determinantal([1.0]), r"`embeddings` must have a row for each item"),
        (lambda: reranking.FilterTags(["ab"]), "received the string 'ab'"),
    ],
)
def test_what_makes_no_rule_is_refused(make_rule, message):
    with pytest.raises(ValueError, match=message):
        make_rule()

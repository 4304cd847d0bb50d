"""Generators, merging and all stages against plain loops."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_ext import features, indexes, reranking, stages

ITEMS, USERS, WIDTH = 30, 7, 4
rng = np.random.default_rng(0)
IDS = np.arange(ITEMS) * 10
VECTORS = rng.normal(size=(ITEMS, WIDTH)).astype(np.float32)
TASTES = rng.normal(size=(USERS, WIDTH)).astype(np.float32)
COUNTS = rng.integers(0, 6, ITEMS)
HISTORIES = np.where(rng.random((USERS, 5)) < 0.3, -1, rng.choice(IDS, (USERS, 5)))
NEIGHBORS = np.array([rng.permutation(ITEMS)[:6] for _ in range(ITEMS)])
SIMILARITIES = np.sort(rng.random((ITEMS, 6)).round(3), axis=1)[:, ::-1] - 0.1
PRICES = rng.normal(size=ITEMS).astype(np.float32)
QUERIES = {
    "taste": tf.constant(TASTES),
    "history": tf.constant(HISTORIES),
    "purse": tf.constant(rng.normal(size=USERS).astype(np.float32)),
}
EXCLUDED = np.where(rng.random((USERS, 4)) < 0.3, -1, rng.integers(0, ITEMS, (USERS, 4)))
TAGS = [["even"] if i % 2 == 0 else ["odd"] for i in range(ITEMS)]


def tower(columns, training):
    return columns["taste"]


def model(columns, training):
    assert training is False
    return (columns["purse"] * columns["price"])[:, None]


def make_generators():
    return [
        stages.NearestItems(tower, indexes.Exact().index(VECTORS), count=6),
        stages.PopularItems(COUNTS, count=5),
        stages.SimilarItems(IDS, NEIGHBORS, SIMILARITIES, count=4, latest=3),
    ]


def nearest(user, excluded, k):
    scores = VECTORS.astype(np.float64) @ TASTES[user].astype(np.float64)
    return [i for i in np.argsort(-scores) if i not in excluded][:k]


def popular(user, excluded, k):
    order = sorted(range(ITEMS), key=lambda i: (-COUNTS[i], i))
    return [i for i in order if i not in excluded][:k]


def similar(user, excluded, k):
    sums = {}
    for item in HISTORIES[user][-3:]:
        if item >= 0:
            pairs = zip(NEIGHBORS[item // 10], SIMILARITIES[item // 10], strict=True)
            for other, weight in pairs:
                if weight > 0 and other not in excluded:
                    sums[other] = sums.get(other, 0) + weight
    return sorted(sums, key=lambda i: -sums[i])[:k]


def sum_of_similarities(user, item):
    rows = [i // 10 for i in HISTORIES[user][-3:] if i >= 0]
    return sum(
        max(w, 0)
        for r in rows
        for n, w in zip(NEIGHBORS[r], SIMILARITIES[r], strict=True)
        if n == item
    )


def rows_of(positions):
    return [[int(p) for p in row if p >= 0] for row in np.asarray(positions)]


@pytest.mark.parametrize(("number", "expected"), list(enumerate([nearest, popular, similar])))
def test_each_generator_finds_what_a_loop_finds(number, expected):
    generator = make_generators()[number]
    graph = tf.function(generator, autograph=False)
    found = graph(QUERIES, tf.constant(EXCLUDED, tf.int32))
    assert found.shape == (USERS, generator.count)
    wanted = [expected(u, set(EXCLUDED[u]), generator.count) for u in range(USERS)]
    assert rows_of(found) == wanted


def test_generators_of_more_than_there_is_bring_everything():
    generator = stages.PopularItems([1, 2], count=9)
    assert generator.count == 2
    assert generator({}, tf.constant([[1]])).numpy().tolist() == [[0, -1]]
    few = stages.SimilarItems([1, 2], [[1], [0]], [[1.0], [1.0]], count=2, latest=1)
    assert few({"history": tf.constant([[1]])}, tf.constant([[-1]])).numpy().tolist() == [[1, -1]]


ROW = st.lists(st.integers(0, 8), unique=True, max_size=6)


@settings(max_examples=40, deadline=None, database=None, derandomize=True)
@given(st.lists(st.tuples(ROW, ROW, ROW), min_size=1, max_size=3))
def test_merged_lists_hold_each_item_once_with_all_its_sources(rows):
    found = [
        tf.constant([[*row[g], *[-1] * (6 - len(row[g]))] for row in rows], tf.int32)
        for g in range(3)
    ]
    positions, sources = stages.merge_found(found)
    for row, items, bits in zip(rows, positions.numpy(), sources.numpy(), strict=True):
        pairs = {i: b for i, b in zip(items.tolist(), bits.tolist(), strict=True) if i >= 0}
        assert len(pairs) == np.sum(items >= 0)
        everything = {item for part in row for item in part}
        expected = {i: sum((i in part) << g for g, part in enumerate(row)) for i in everything}
        assert pairs == expected
        assert np.all(bits[items < 0] == 0)


def make_system(rules=()):
    return stages.TwoStage(make_generators(), stages.ItemRanker(model, {"price": PRICES}), rules)


def expected_order(user, excluded):
    found = [f(user, excluded, k) for f, k in ((nearest, 6), (popular, 5), (similar, 4))]
    purse = float(QUERIES["purse"][user])
    items = sorted({i for part in found for i in part}, key=lambda i: -purse * PRICES[i])
    names = ("tower", "popular", "item to item")
    reasons = [
        ", ".join(n for n, part in zip(names, found, strict=True) if i in part) for i in items
    ]
    return items, [purse * PRICES[i] for i in items], reasons


def test_all_stages_answer_as_loops_do():
    system = make_system()
    assert (system.num_items, system.num_ranked) == (ITEMS, 15)
    shown = tf.function(system, autograph=False)(
        QUERIES, tf.constant(EXCLUDED, tf.int32), k=tf.constant(4)
    )
    reasons = system.reasons(shown).numpy().astype(str)
    for user in range(USERS):
        items, scores, why = expected_order(user, set(EXCLUDED[user]))
        assert shown.positions[user].numpy().tolist() == items[:4]
        np.testing.assert_allclose(shown.scores[user], scores[:4], rtol=1e-5)
        assert reasons[user].tolist() == why[:4]


def test_a_ranker_reads_what_generators_know_of_every_pair():
    likeness = stages.Similarity(stages.SimilarItems(IDS, NEIGHBORS, SIMILARITIES, latest=3))

    class Later(stages.PairScore):
        """A score of one's own."""

        def __call__(self, queries, positions):
            return tf.cast(positions, tf.float32)

    scores = [stages.Affinity(tower, VECTORS, "near"), likeness, Later("later")]

    def both(columns, training):
        return columns["later"] + columns["near"] + 3 * columns["similarity"] - columns["price"]

    ranker = stages.ItemRanker(both, {"price": PRICES}, scores)
    positions = np.array([rng.permutation(ITEMS)[:5] for _ in range(USERS)], np.int32)
    positions[:, 2] = -1
    found = ranker(QUERIES, tf.constant(positions)).numpy()
    wanted = np.einsum("bd,bmd->bm", TASTES, VECTORS[positions]) - PRICES[positions] + positions
    for user, row in enumerate(positions):
        wanted[user] += [3 * np.log1p(sum_of_similarities(user, item)) for item in row]
    is_item = positions >= 0
    np.testing.assert_allclose(found[is_item], wanted[is_item], rtol=1e-4, atol=1e-5)


class Constant(stages.PairScore):
    """A score of one's own."""

    def __call__(self, queries, positions):
        return tf.ones_like(positions, tf.float32)


def test_a_score_has_any_name_that_a_column_may_have():
    ranker = stages.ItemRanker(
        lambda columns, training: columns["taste score"] - columns["price"],
        {"price": PRICES},
        [stages.Affinity(tower, VECTORS, "taste score")],
    )
    positions = np.tile(np.arange(ITEMS), (USERS, 1))
    found = ranker(QUERIES, tf.constant(positions)).numpy()
    np.testing.assert_allclose(found, TASTES @ VECTORS.T - PRICES, rtol=1e-4, atol=1e-5)


GENERATOR = stages.SimilarItems(IDS, NEIGHBORS, SIMILARITIES)


class OfPrices:
    """A model that says what it reads."""

    features = (features.Numeric("price"),)


def rank_by(model, *columns):
    scores = [Constant(column) for column in columns]
    return stages.ItemRanker(model, {"price": PRICES, "size": PRICES}, scores)


def test_a_score_that_would_hide_what_a_query_brings_is_refused():
    ranker = rank_by(model, "purse")
    with pytest.raises(ValueError, match="`queries` must not hold the columns of `pair_scores`"):
        ranker(QUERIES, tf.constant(EXCLUDED, tf.int32))


def test_rules_see_requests_and_exclusions_make_room_for_others():
    factors = np.where(np.arange(ITEMS) == 3, 1.5, 1.0)
    rules = [reranking.Exclude(), reranking.FilterTags(TAGS), reranking.Boost(factors, "new")]
    system = make_system(rules)
    hidden = np.array([popular(u, set(EXCLUDED[u]), 2) for u in range(USERS)], np.int32)
    request = {
        "exclusions": tf.constant(hidden),
        "deny": tf.constant([["odd"]] * USERS),
    }
    shown = system(QUERIES, tf.constant(EXCLUDED, tf.int32), request, 15)
    reasons = system.reasons(shown).numpy().astype(str)
    for user, row in enumerate(rows_of(shown.positions)):
        items, _, _ = expected_order(user, {*EXCLUDED[user], *hidden[user]})
        assert row == [i for i in items if i % 2 == 0]
        assert reasons[user][len(row) :].tolist() == [""] * (15 - len(row))
    everything = make_system(rules)(QUERIES, tf.constant([[-1]] * USERS), {}, 15)
    lifted = make_system(rules).reasons(everything).numpy().astype(str)
    is_lifted = everything.positions.numpy() == 3
    assert is_lifted.any()
    assert np.array_equal(np.char.endswith(lifted, ", new"), is_lifted)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: stages.PopularItems([1], 0), "`count` must be a positive integer"),
        (lambda: stages.PopularItems([], 1), "`item_counts` must have a number for each item"),
        (lambda: stages.SimilarItems([1], [[0], [0]], [[1.0]]), r"must be \[C, N\]"),
        (lambda: stages.SimilarItems([1], [[0]], [[1.0]], latest=0), "`latest` must be a positive"),
        (lambda: stages.Affinity(tower, [1.0]), r"`embeddings` must be \[C, D\]"),
        (lambda: stages.ItemRanker(model, {}), "`items` must hold columns of equal length"),
        (
            lambda: rank_by(model, "near", "near"),
            r"`pair_scores` must have a column each, received two or more of \['near'\]",
        ),
        (
            lambda: rank_by(model, "size"),
            r"`pair_scores` must not have the columns of items or queries, received \['size'\]",
        ),
        (
            lambda: stages.ItemRanker(
                model, {"price": PRICES}, [Constant("history"), stages.Similarity(GENERATOR)]
            ),
            r"not have the columns of items or queries, received \['history'\]",
        ),
        (
            lambda: rank_by(OfPrices(), "near"),
            r"`pair_scores` must be columns that the model reads, received \['near'\] for a model "
            r"that reads \['price'\]",
        ),
        (
            lambda: stages.TwoStage([], stages.ItemRanker(model, {"price": PRICES})),
            "`generators` must be one or more with different sources",
        ),
        (
            lambda: stages.TwoStage(
                [stages.PopularItems([1])], stages.ItemRanker(model, {"price": PRICES})
            ),
            "All parts must know the same items",
        ),
        (
            lambda: make_system([reranking.Exclude("shown"), reranking.Exclude("shown")])(
                QUERIES, tf.constant(EXCLUDED), {"seen": tf.constant([[1]])}
            ),
            "`request` must hold what the rules read, \\['shown'\\], received \\['seen'\\]",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_generator_of_ones_own_is_merged_like_the_others():
    class Newest(stages.Generator):
        def find(self, queries, excluded):
            return tf.tile(tf.constant([[29, 28]]), [tf.shape(excluded)[0], 1])

    ranker = stages.ItemRanker(model, {"price": PRICES})
    system = stages.TwoStage([*make_generators(), Newest("new", 2, ITEMS)], ranker)
    positions, sources = system.generate(QUERIES, tf.constant(EXCLUDED, tf.int32))
    assert np.all(np.any((positions.numpy() == 29) & (sources.numpy() >= 8), axis=1))


def test_each_stage_is_evaluated_by_what_a_loop_counts():
    system = make_system([reranking.LimitGroups(np.arange(ITEMS) // 3, 1)])
    queries = {name: column.numpy() for name, column in QUERIES.items()}
    seen = tf.ragged.constant([[i for i in row if i >= 0] for row in EXCLUDED.tolist()])
    wanted = rng.integers(0, ITEMS, (USERS, 2))
    positives = tf.ragged.constant([sorted({*row}) for row in wanted.tolist()])
    found = stages.evaluate_stages(system, queries, positives, seen, ks=[3, 20])
    assert isinstance(found, stages.StageEvaluation)
    assert list(found.results) == ["model", "without rules", "tower", "popular", "item to item"]

    def recall(lists):
        shares = [
            np.mean([item in row for item in {*want}])
            for row, want in zip(lists, wanted.tolist(), strict=True)
        ]
        return np.mean(shares)

    banned = [set(row) for row in EXCLUDED.tolist()]
    ranked = [expected_order(u, banned[u])[0] for u in range(USERS)]
    near = [nearest(u, banned[u], 6) for u in range(USERS)]
    assert found.recalls["tower, 6"] == pytest.approx(recall(near))
    assert found.recalls["all, at most 15"] == pytest.approx(recall(ranked))
    cut = [row[:3] for row in ranked]
    assert found.results["without rules"]["recall_at_3"] == pytest.approx(recall(cut))
    assert rows_of(found.lists["without rules"]) == ranked
    for row in rows_of(found.lists["model"]):
        assert len({item // 3 for item in row}) == len(row)


def test_stages_are_timed():
    queries = {name: column.numpy() for name, column in QUERIES.items()}
    seen = tf.ragged.constant([[1]] * USERS)
    times = stages.time_stages(make_system(), queries, seen)
    assert set(times) == {"generate", "rank", "re-rank"}
    assert all(value > 0 for value in times.values())


def test_no_queries_have_answers_without_rows():
    queries = {name: column.numpy()[:0] for name, column in QUERIES.items()}
    seen = tf.ragged.constant([], tf.int32, ragged_rank=1)
    generator = make_generators()[1]
    (found,) = stages.call_in_batches(lambda *some: (generator(*some),), queries, seen)
    assert found.shape == (0, 5)


@pytest.mark.parametrize("batch_size", [2, 7, 100])
def test_batches_of_any_size_give_the_same(batch_size):
    queries = {name: column.numpy() for name, column in QUERIES.items()}
    seen = tf.ragged.constant([[i for i in row if i >= 0] for row in EXCLUDED.tolist()])
    generator = make_generators()[1]
    (found,) = stages.call_in_batches(lambda *some: (generator(*some),), queries, seen, batch_size)
    assert rows_of(found) == [popular(u, set(EXCLUDED[u]), 5) for u in range(USERS)]

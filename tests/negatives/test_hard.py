import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.negatives import tower
from tests.negatives.ask import ask
from tfrs_ext import losses, negatives, tasks
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives import Explicit, Hard, HardFromIndex, InBatch, Uniform


def _hardest(queries, ids, candidates, log_q, own, k):
    """By loops: rows of the pool that are among the best k of some query."""
    rows = set()
    for query, positive in zip(queries, own, strict=True):
        scores = [
            (float(query @ c) - q, -row)
            for row, (c, q) in enumerate(zip(candidates, log_q, strict=True))
            if ids[row] != positive
        ]
        rows |= {-row for _, row in sorted(scores, reverse=True)[:k]}
    return sorted(rows)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 8), st.integers(1, 9), st.integers(0, 100))
def test_hard_equals_loops(batch, k, seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 6, batch)
    candidates = rng.normal(size=(batch, 3)).astype("float32")
    queries = rng.normal(size=(batch, 3)).astype("float32")
    log_q = -rng.random(batch).astype("float32")
    pool = ask(
        Hard(k),
        Candidates(tf.constant(candidates), tf.constant(ids), tf.constant(log_q)),
        query_embeddings=tf.constant(queries),
    )
    rows = _hardest(queries, ids, candidates, log_q, ids, k)
    np.testing.assert_array_equal(pool.ids, ids[rows])
    np.testing.assert_array_equal(pool.embeddings, candidates[rows])
    np.testing.assert_array_equal(pool.log_q, log_q[rows])


def test_hard_passes_gradient_to_the_rows_that_it_keeps():
    variable = tower.table()
    with tf.GradientTape() as tape:
        pool = ask(
            Hard(1, Uniform(np.arange(tower.ITEMS), 30, seed=1)),
            tower.positives([1], variable),
            candidate_model=tower.tower_of(variable),
            query_embeddings=tf.ones([1, 4]),
        )
        loss = tf.reduce_sum(pool.embeddings)
    gradient = tf.convert_to_tensor(tape.gradient(loss, variable)).numpy()
    assert np.flatnonzero(gradient.any(axis=1)).tolist() == pool.ids.numpy().tolist()
    assert len(pool.ids) == 1


@pytest.mark.parametrize("strings", [False, True])
def test_index_gives_its_nearest_items_with_todays_embeddings(strings):
    ids = ["a", "b", "c", "d"] if strings else [5, 6, 7, 8]
    index = tfrs.layers.factorized_top_k.BruteForce()
    index.index(tf.constant([[1.0], [3.0], [2.0], [-1.0]]), tf.constant(ids))
    hard = HardFromIndex(ids, 2, index)
    positives = Candidates(tf.ones([2, 1]), tf.constant(ids[:2]), tf.zeros([2]))
    lengths = lambda items: tf.strings.length(  # noqa: E731
        items if strings else tf.strings.as_string(items)
    )
    pool = ask(
        hard,
        positives,
        candidate_model=lambda items: tf.cast(lengths(items), tf.float32)[:, None],
        query_embeddings=tf.constant([[1.0], [-1.0]]),
    )
    expected = [ids[1], ids[2], ids[3], ids[0]]
    assert pool.ids.numpy().tolist() == tf.constant(expected).numpy().tolist()
    np.testing.assert_array_equal(pool.embeddings, np.ones((4, 1)))
    np.testing.assert_allclose(pool.log_q, np.full(4, -np.log(4)), rtol=1e-6)


def test_refresh_reaches_a_graph_that_is_traced_already():
    hard = HardFromIndex([1, 2, 3], 1, lambda q, k: (q, tf.constant([[1]])))
    variable = tower.table()
    positives, embed = tower.positives([1], variable), tower.tower_of(variable)
    found = tf.function(lambda queries: ask(hard, positives, queries, candidate_model=embed).ids)
    queries = tf.ones([1, 4])
    assert found(queries).numpy().tolist() == [1]
    hard.refresh(lambda q, k: (q, tf.constant([[3]])))
    assert found(queries).numpy().tolist() == [3]


def test_index_ids_outside_the_catalogue_are_left_out():
    hard = HardFromIndex([1, 2], 2, lambda q, k: (q, tf.constant([[9, 2]])))
    embed = tower.tower_of(tower.table())
    pool = ask(hard, tower.positives([1]), candidate_model=embed, query_embeddings=tf.ones([1, 4]))
    assert pool.ids.numpy().tolist() == [2]


def test_explicit_takes_all_columns_and_leaves_padding_out():
    features = {
        "shown": tf.constant([["x", ""], ["y", "z"]]),
        "cost": tf.constant([[1.0, 0.0], [2.0, 3.0]]),
        "words": tf.constant([[[1, 1], [0, 0]], [[2, 2], [3, 3]]]),
    }
    source = Explicit({"item": "shown", "price": "cost", "text": "words"}, "item", padding="")
    positives = Candidates(tf.ones([2, 3]), tf.constant(["x", "q"]), tf.zeros([2]))

    def embed(items):
        return tf.concat([items["price"][:, None], tf.cast(items["text"], tf.float32)], axis=1)

    pool = ask(source, positives, candidate_model=embed, features=features)
    assert pool.ids.numpy().tolist() == [b"x", b"y", b"z"]
    np.testing.assert_array_equal(pool.embeddings, [[1, 1, 1], [2, 2, 2], [3, 3, 3]])
    np.testing.assert_allclose(pool.log_q, np.full(3, -np.log(3)), rtol=1e-6)


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_explicit_rows_are_kept_to_their_own_query(shape):
    """The loss of each query is the softmax over its positive and what its own row names."""
    shown = np.array([4, -1, 1]) if len(shape) == 1 else np.array([[4, -1], [-1, -1], [9, 2]])
    ids, table = np.array([3, 8, 3]), tower.table().numpy().astype(np.float64)
    queries = np.random.default_rng(4).normal(size=(3, 4))
    task = tasks.Retrieval(
        losses.SampledSoftmax(reduction="none"), negatives=Explicit("shown", shared=False)
    )
    found = task(
        tf.constant(queries, tf.float32),
        tf.constant(table[ids], tf.float32),
        candidate_ids=ids,
        candidate_model=tower.tower_of(tower.table()),
        features={"shown": tf.constant(shown)},
    )

    for query, item, row, loss in zip(queries, ids, shown.reshape(3, -1), found, strict=True):
        scores = [table[item] @ query, *(table[other] @ query for other in row if other >= 0)]
        assert float(loss) == pytest.approx(np.log(np.sum(np.exp(scores))) - scores[0], abs=1e-5)


def test_other_sources_need_explicit_rows_that_are_shared():
    source = negatives.Mixed([Explicit("shown", shared=False)])
    features = {"shown": tf.constant([1])}
    embed = tower.tower_of(tower.table())
    with pytest.raises(ValueError, match="must answer with rows that all queries share"):
        ask(source, tower.positives([1]), candidate_model=embed, features=features)


def test_explicit_may_find_nothing():
    pool = ask(
        Explicit("shown"),
        tower.positives([1]),
        candidate_model=tower.tower_of(tower.table()),
        features={"shown": tf.constant([[-1, -1]])},
    )
    assert pool.embeddings.shape == (0, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Hard(0), "`num_hard_negatives` must be ≥ 1, received 0"),
        (lambda: HardFromIndex([1], 0), "`num_hard_negatives` must be ≥ 1"),
        (lambda: Explicit({"a": "b"}), "`item_id` must be a key of `columns`"),
        (lambda: Explicit("a", "a"), "`item_id` must be .*None where `columns` is a str"),
        (lambda: ask(Explicit("a"), tower.positives([1])), "`features` must have the columns"),
        (
            lambda: ask(
                HardFromIndex([1], 1),
                tower.positives([1]),
                candidate_model=len,
                query_embeddings=tf.ones([1, 4]),
            ),
            "`refresh` must be called with an index",
        ),
    ],
)
def test_rejects(make, message):
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
        make()


def test_in_batch_returns_the_positives():
    positives = tower.positives([4, 4, 2], log_q=[-1.0, -1.0, 0.0])
    for a, b in zip(ask(InBatch(), positives), positives, strict=True):
        np.testing.assert_array_equal(a, b)

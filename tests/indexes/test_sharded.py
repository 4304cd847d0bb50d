"""Parts of a corpus answer together as one index does; so do batches on disk and servers."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from tests.sweeps import mostly_slow
from tfrs_ext import indexes
from tfrs_ext._keras import keras
from tfrs_ext.indexes import Exact, Sharded, merge_answers, search_batches

KINDS = ["exact", "quantized"]
if importlib.util.find_spec("scann") is not None:
    KINDS.append("scann")
RNG = np.random.default_rng(0)
# Whole numbers, so that many scores are equal and all sums are exact.
CANDIDATES = RNG.integers(-3, 4, (300, 8)).astype(np.float32)
QUERIES = RNG.integers(-3, 4, (6, 8)).astype(np.float32)
TITLES = np.array([f"title {i}" for i in range(300)])


def best(k, candidates=CANDIDATES):
    """The k best positions by a stable sort of all scores in float64."""
    scores = QUERIES.astype(np.float64) @ candidates.T
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("num_shards", [1, 3, 7])
@pytest.mark.parametrize("k", [1, 10, 120, 300])
def test_exact_parts_answer_as_one_index_ties_included(num_shards, k):
    index = Sharded(k=k, num_shards=num_shards).index(CANDIDATES, TITLES)
    assert index.is_exact()
    scores, ids = index(QUERIES)
    np.testing.assert_array_equal(ids.numpy().astype(str), TITLES[best(k)])
    expected = np.take_along_axis(QUERIES @ CANDIDATES.T, best(k), 1)
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_part_finds_excludes_and_gives_embeddings(kind):
    index = Sharded(k=5, shard_kind=kind, num_shards=3).index(CANDIDATES, TITLES)
    found = index(QUERIES)[1].numpy().astype(str)
    whole = indexes.index_class(kind)(k=5).index(CANDIDATES, TITLES)
    found_scores = np.take_along_axis(QUERIES @ CANDIDATES.T, _positions(found), 1)
    np.testing.assert_allclose(found_scores.sum(), index(QUERIES)[0].numpy().sum(), rtol=0.05)
    positions = tf.constant([[0, 99, 100, 299, -1]])
    np.testing.assert_allclose(index.embeddings(positions), whole.embeddings(positions), rtol=1e-6)
    _, left = index.query_with_exclusions(QUERIES, found)
    assert not set(left.numpy().astype(str).ravel()[:5]) & set(found[0])
    graph = tf.function(index.call)(tf.constant(QUERIES), k=tf.constant(4))
    assert graph[1].shape[0] == 6
    np.testing.assert_array_equal(graph[1], index(QUERIES, k=4)[1])


def _positions(titles):
    return np.vectorize(lambda title: int(title.split()[1]))(titles)


@pytest.mark.parametrize("kind", mostly_slow(KINDS, ["exact"]))
def test_files_hold_all_parts(tmp_path, kind):
    index = Sharded(k=5, shard_kind=kind, num_shards=3).index(CANDIDATES, TITLES)
    expected = index(QUERIES)
    index.save(str(tmp_path / "index.keras"))
    loaded = keras.models.load_model(str(tmp_path / "index.keras"))
    namespaces = [*index.op_namespaces]
    options = tf.saved_model.SaveOptions(namespace_whitelist=namespaces)
    tf.saved_model.save(index, str(tmp_path / "saved"), options=options)
    for other in (loaded, tf.saved_model.load(str(tmp_path / "saved"))):
        np.testing.assert_array_equal(other(tf.constant(QUERIES))[1], expected[1])
    same = Sharded.from_settings(loaded.settings(), 300, k=5).index(CANDIDATES, TITLES)
    assert same.settings() == index.settings()
    assert (index.op_library() is None) == (kind != "scann")


@pytest.mark.skipif("scann" not in KINDS, reason="needs ScaNN")
def test_parts_of_a_smaller_corpus_have_fewer_leaves():
    options = {"num_leaves": 40, "num_leaves_to_search": 40}
    settings = Sharded(shard_kind="scann", num_shards=2, shard_options=options).settings()
    index = Sharded.from_settings(settings, 61, k=5).index(CANDIDATES[:61])
    assert index.settings()["shard_options"]["num_leaves"] == 30
    whole = Exact(k=5).index(CANDIDATES[:61])(QUERIES)[0]
    np.testing.assert_allclose(index(QUERIES)[0], whole)
    usual = Sharded.from_settings(Sharded(shard_kind="scann").settings(), 61)
    assert usual.settings()["shard_options"]["num_leaves"] is None


def test_fewer_candidates_than_parts():
    index = Sharded(k=9, num_shards=5).index(CANDIDATES[:3])
    np.testing.assert_array_equal(index(QUERIES)[1], best(3, CANDIDATES[:3]))


@pytest.mark.skipif("scann" not in KINDS, reason="needs ScaNN")
@pytest.mark.slow
def test_parts_are_tuned_for_the_recall_that_is_wanted():
    rng = np.random.default_rng(1)
    candidates = rng.normal(size=(6_000, 16)).astype(np.float32)
    queries = rng.normal(size=(32, 16)).astype(np.float32)
    options = {"num_leaves": 30, "num_leaves_to_search": 1}
    index = Sharded(k=10, shard_kind="scann", num_shards=2, shard_options=options)
    index.index(candidates)
    truth = np.argsort(-(queries @ candidates.T), axis=1)[:, :10]

    def recall():
        found = index(queries)[1].numpy()
        return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)])

    before = recall()
    found = index.tune(queries, recall=0.98, repeats=1, num_leaves=())
    assert found
    assert index.frontier == found
    assert before < 0.9 < recall()


@pytest.mark.parametrize("size", [64, 300])
def test_batches_on_disk_are_searched_exactly(tmp_path, size):
    np.save(tmp_path / "candidates.npy", CANDIDATES)
    mapped = np.load(tmp_path / "candidates.npy", mmap_mode="r")
    for k in (1, 20, 300):
        blocks = (mapped[i : i + size] for i in range(0, 300, size))
        scores, ids = search_batches(QUERIES, blocks, k)
        np.testing.assert_array_equal(ids, best(k))
        np.testing.assert_array_equal(scores, np.take_along_axis(QUERIES @ CANDIDATES.T, ids, 1))
    pairs = ((TITLES[i : i + 64], mapped[i : i + 64]) for i in range(0, 300, 64))
    found = search_batches(QUERIES, pairs, 4)[1].astype(str)
    np.testing.assert_array_equal(found, TITLES[best(4)])


def test_answers_of_several_servers_are_merged_exactly():
    parts = [slice(0, 100), slice(100, 103), slice(103, 300)]
    answers = [Exact(k=7).index(CANDIDATES[part], TITLES[part])(QUERIES) for part in parts]
    _, ids = merge_answers(answers, 7)
    np.testing.assert_array_equal(ids.astype(str), TITLES[best(7)])


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="`num_shards` must be at least 1"):
        Sharded(num_shards=0)
    with pytest.raises(ValueError, match="`shard_kind` must be the kind of a part"):
        Sharded(shard_kind="sharded")
    with pytest.raises(ValueError, match=r"`candidates` must hold batches \[N, 8\]"):
        search_batches(QUERIES, [CANDIDATES[:, :3]])
    nan = np.where(np.arange(6)[:, None] == 2, np.nan, QUERIES)
    with pytest.raises(ValueError, match="`candidates` must be finite, received NaN or infinity"):
        search_batches(QUERIES, [CANDIDATES, nan])
    with pytest.raises(ValueError, match="embeddings must be finite"):
        search_batches(nan, [CANDIDATES])
    with pytest.raises(ValueError, match="`answers` must hold scores that are numbers, received"):
        merge_answers([([[2.0, np.nan]], [[0, 1]])], 2)
    for call in (lambda: search_batches(QUERIES, []), lambda: merge_answers([], 3)):
        with pytest.raises(ValueError, match="must hold at least one"):
            call()

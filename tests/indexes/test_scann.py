import contextlib
import gc
import importlib.util
import json
import subprocess
import sys
import weakref
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.topk import top_k
from tfrs_ext._keras import keras
from tfrs_ext.indexes import Exact, ScaNN
from tfrs_ext.indexes import scann as module
from tfrs_ext.indexes.query_shares import share_out
from tfrs_ext.indexes.scann_options import leaves_needed
from tfrs_ext.indexes.scann_tuner import ScannTuner

if importlib.util.find_spec("scann") is None:
    pytest.skip("the scann package is not installed", allow_module_level=True)

rng = np.random.default_rng(0)


def vectors(rows, width=8):
    return rng.normal(size=(rows, width)).astype(np.float32)


def recall(index, queries, k=10):
    truth = Exact().index(index.embeddings(tf.range(index.num_candidates)))
    _, found = index.search(queries, k)
    _, best = truth.search(queries, k)
    return np.mean([np.isin(b, f).mean() for f, b in zip(found.numpy(), best.numpy(), strict=True)])


@pytest.fixture(scope="module")
def partitioned():
    """Clusters as learned embeddings have them, and leaves too small for some of the ks."""
    centres = vectors(40, 16) * 2
    candidates = np.repeat(centres, 50, axis=0) + vectors(2000, 16)
    return ScaNN(k=10, num_leaves=40).index(candidates, [f"i{i}" for i in range(2000)])


@pytest.mark.parametrize("corpus", [1, 2, 15, 16, 17, 255, 256, 300])
def test_every_size_of_corpus_answers_as_the_exact_index(corpus):
    candidates = vectors(corpus)
    queries = candidates[:3]
    index = ScaNN(k=10).index(candidates)
    scores, rows = index(queries)
    assert rows.shape == (len(queries), min(10, corpus))
    assert rows.numpy()[:, 0].tolist() == [row[0] for row in top_k(queries, candidates, 1)]
    np.testing.assert_allclose(
        scores, np.take_along_axis(queries @ candidates.T, rows.numpy(), 1), rtol=1e-5
    )
    assert recall(index, queries) > 0.9


@pytest.mark.parametrize("k", [1, 25, 700, 2000, 5000])
def test_k_is_not_capped_by_reordering_or_leaves(partitioned, k):
    queries = vectors(5, 16)
    for wanted in (k, tf.constant(k)):
        scores, ids = partitioned(queries, k=wanted)
        assert ids.shape == scores.shape == (5, min(k, 2000))
        assert np.all(np.diff(scores.numpy(), axis=1) <= 0)
        found = [i for i in ids.numpy()[0] if i != b""]
        assert len(set(found)) == len(found) == min(k, 2000)


def test_leaves_for_many_results_are_counted_beyond_int32():
    assert int(leaves_needed(tf.constant(2_500_000), 3000, 10_000_000)) == 1500


def test_fake_results_of_the_library_are_masked():
    candidates = np.concatenate([vectors(900) * 0.01 + 5, vectors(60) * 0.01 - 5])
    index = ScaNN(num_leaves=2, num_leaves_to_search=1).index(candidates)
    only_one = mock.patch.object(module, "leaves_needed", return_value=1)
    with only_one, mock.patch.object(module, "search_until_filled", lambda f, n, _: f(n)):
        scores, rows = index(-np.ones((1, 8), np.float32) * 5, k=100)
    real = rows.numpy()[0] >= 0
    assert real.sum() == 60
    assert np.all(rows.numpy()[0, ~real] == -1)
    assert np.all(scores.numpy()[0, ~real] == tf.float32.min)
    assert np.all(np.isfinite(scores))


@pytest.mark.parametrize("in_graph", [False, True])
def test_a_query_whose_leaves_hold_too_few_searches_them_all(in_graph):
    candidates = np.zeros((600, 8), np.float32)
    candidates[:30] = vectors(30)
    index = ScaNN(k=10, num_leaves=40, num_leaves_to_search=1).index(candidates)
    ask = tf.function(index) if in_graph else index
    queries = vectors(20)
    scores, found = (part.numpy() for part in ask(tf.constant(queries)))
    assert (found >= 0).all()
    np.testing.assert_allclose(scores, (queries[:, None] * candidates[found]).sum(-1), atol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e9, 5e18, 1e30])
def test_any_scale_of_candidates_answers_as_the_usual_one(scale):
    candidates, queries = vectors(300), vectors(20)
    found = ScaNN(k=10).index(candidates)(queries)[1].numpy()
    large = (candidates.astype(np.float64) * scale).astype(np.float32)
    index = ScaNN(k=10).index(large)
    scores, ids = index(queries)
    true = queries.astype(np.float64) @ large.T.astype(np.float64)
    np.testing.assert_allclose(scores, np.take_along_axis(true, ids.numpy(), 1), rtol=1e-3)
    best = -np.sort(-true, axis=1)[:, 9:10]
    assert (np.take_along_axis(true, ids.numpy(), 1) >= best - np.abs(best) * 1e-3).mean() > 0.9
    if scale > 1:
        assert (found == ids.numpy()).mean() > 0.9
    np.testing.assert_array_equal(index.embeddings(tf.constant([3])), large[3:4])


@pytest.mark.parametrize("width", [1, 2, 4])
def test_narrow_candidates_are_all_found(width):
    candidates, queries = vectors(511, width), vectors(20, width)
    assert recall(ScaNN().index(candidates), queries) == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"num_leaves": -1},
        {"num_leaves": 2.5},
        {"training_iterations": 0},
        {"dimensions_per_block": -1},
        {"num_reordering_candidates": 0},
        {"anisotropic_quantization_threshold": -1.0},
        {"anisotropic_quantization_threshold": float("nan")},
        {"distance_measure": "squared_l2"},
    ],
)
def test_what_would_end_the_process_is_refused(change):
    with pytest.raises(ValueError, match=f"`{next(iter(change))}` must be"):
        ScaNN(**change)


def test_a_refused_corpus_leaves_the_old_one_whole():
    index = ScaNN(k=3, num_leaves=20).index(vectors(300), [f"i{i}" for i in range(300)])
    queries = vectors(2)
    before = index(queries)
    for refused, message in ((vectors(10), "at most the number"), (vectors(20, 9)[:0], "one row")):
        with pytest.raises(ValueError, match=message):
            index.index(refused)
    wide = ScaNN(k=3, dimensions_per_block=50).index
    with pytest.raises(ValueError, match=r"at most the candidates' width, 8, received .*=50"):
        wide(vectors(300))
    for ours, theirs in zip(index(queries), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_arguments_come_in_the_order_of_tfrs():
    index = ScaNN(None, 7, "dot_product", 3, 2, 5, 2, 40, False, "mine")
    assert (index.name, index.num_leaves, index.num_reordering_candidates) == ("mine", 3, 40)
    assert not index.parallelize_batch_searches


@pytest.mark.parametrize("building", [contextlib.nullcontext, lambda: tf.Graph().as_default()])
def test_memory_of_the_library_goes_with_the_corpus_whatever_is_being_built(building):
    index = ScaNN(k=3).index(vectors(300))
    index(vectors(1))
    first, other = weakref.ref(index._corpus), ScaNN(k=3).index(vectors(300))
    destroyed = mock.Mock(wraps=tf.raw_ops.DestroyResourceOp)
    with building(), mock.patch.object(tf.raw_ops, "DestroyResourceOp", destroyed):
        index._replace_corpus(other._corpus)
        gc.collect()
    assert first() is None
    assert destroyed.call_count


def test_excluded_ids_never_come_back(partitioned):
    queries = vectors(3, 16)
    best = partitioned(queries)[1]
    _, ids = partitioned.query_with_exclusions(queries, best[:, ::2], k=10)
    for row, banned in zip(ids.numpy(), best.numpy()[:, ::2], strict=True):
        assert not set(row) & set(banned)
        assert len(set(row)) == 10


def test_tuning_reaches_the_recall_and_keeps_what_it_measured(partitioned):
    queries = partitioned.embeddings(tf.range(0, 2000, 30))
    reports = []
    frontier = partitioned.tune(queries, recall=0.9, at=10, repeats=1, on_setting=reports.append)
    assert recall(partitioned, queries) >= 0.9
    assert len(reports) >= len(frontier) >= 1
    assert json.loads(json.dumps(frontier)) == partitioned.frontier
    recalls, times = ([r[name] for r in frontier] for name in ("recall", "milliseconds"))
    assert recalls == sorted(recalls)
    assert times == sorted(times)
    assert partitioned.settings()["num_leaves_to_search"] == partitioned.num_leaves_to_search


def tell_times(monkeypatch, tell):
    """Lets the search find what it finds, in a time told by the options."""
    measure = ScannTuner.time

    def time(self, options, search):
        return measure(self, options, search)[0], tell(options)

    monkeypatch.setattr(ScannTuner, "time", time)


def test_tuning_keeps_the_best_of_the_thresholds(monkeypatch):
    """Times are told, not measured: the second threshold is the fastest, the third the slowest."""
    times = {0.2: 2.0, None: 1.0, 0.5: 3.0}
    index = ScaNN(k=10).index(vectors(600, 16))
    tell_times(monkeypatch, lambda options: times[options.anisotropic_quantization_threshold])
    tried = []
    queries = index.embeddings(tf.range(0, 600, 30))
    index.tune(queries, recall=0.5, thresholds=(0.2, None, 0.5), on_setting=tried.append)
    assert {t.anisotropic_quantization_threshold for t in tried} == set(times)
    assert index.settings()["anisotropic_quantization_threshold"] is None
    assert {f["milliseconds"] for f in index.frontier} <= {1.0, 2.0}
    assert recall(index, queries) >= 0.5
    floats = [w for w in index.weights if w.dtype == tf.float32]
    assert len([w for w in floats if tuple(w.shape) == (600, 16)]) == 1


def test_predict_searches_as_tuned():
    index = ScaNN(k=5, num_leaves=20, num_leaves_to_search=1).index(vectors(600, 16))
    queries = vectors(16, 16)
    before = index.predict(queries, verbose=0)[1]
    index.tune(queries, recall=0.99, num_leaves=())
    found = index(queries)[1].numpy()
    assert index.num_leaves_to_search > 1
    assert not np.array_equal(found, before)
    np.testing.assert_array_equal(index.predict(queries, verbose=0)[1], found)


@pytest.mark.slow
def test_tuning_finds_the_number_of_leaves(monkeypatch):
    """Times are told: the index with half as many leaves is the fastest."""
    index = ScaNN(k=10, num_leaves=20).index(vectors(900, 16))
    tell_times(monkeypatch, lambda options: float(options.num_leaves))
    tried = []
    queries = index.embeddings(tf.range(0, 900, 30))
    index.tune(queries, recall=0.8, on_setting=tried.append)
    assert {setting.num_leaves for setting in tried} == {10, 20, 40}
    assert index.settings()["num_leaves"] == index.num_leaves == 10
    assert index.frontier[0]["num_leaves"] == 10
    assert recall(index, queries) >= 0.8


def test_an_interrupted_search_for_settings_leaves_the_index_as_it_was():
    index = ScaNN(k=10, num_leaves=20).index(vectors(900, 16))
    queries = index.embeddings(tf.range(0, 900, 30))
    before, config = index(queries), index.get_config()

    def interrupt(setting):
        if setting.num_leaves == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.tune(queries, recall=0.8, num_leaves=(40,), on_setting=interrupt)
    assert index.get_config() == config
    for ours, theirs in zip(index(queries), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=8, deadline=None)
@given(rows=st.integers(0, 70), parts=st.sampled_from([1, 2, 3, 5, 16]))
def test_queries_shared_among_threads_get_the_same_answers(partitioned, rows, parts):
    queries = vectors(70, 16)[:rows]
    partitioned.parallelize_batch_searches = False
    expected = partitioned(queries)
    partitioned.parallelize_batch_searches = True
    with mock.patch.object(module, "_count_cores", return_value=parts):
        shared = tf.function(lambda q: partitioned(q))(queries)
    for ours, theirs in zip(shared, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("rows", "parts", "expected"),
    [
        (64, 2, [32, 32]),
        (65, 2, [33, 32]),
        (20, 4, [8, 8, 4, 0]),
        (0, 2, [0, 0]),
        (512, 2, [512, 0]),  # The operation shares so many by itself.
    ],
)
def test_shares_are_even_and_neither_tiny_nor_split_twice(rows, parts, expected):
    shares = tf.function(lambda q: [tf.shape(p)[0] for p in share_out(q, parts)])
    assert [int(n) for n in shares(tf.zeros([rows, 2]))] == expected


def test_a_graph_has_a_search_for_each_core():
    index = ScaNN(k=5).index(vectors(300))
    with mock.patch.object(module, "_count_cores", return_value=3):
        graph = tf.function(lambda q: index(q)).get_concrete_function(tf.zeros([64, 8])).graph
    operations = [operation.type for operation in graph.get_operations()]
    assert operations.count("Scann>ScannSearchBatched") == 3
    # With one handle for all parts TensorFlow ran them one after the other.
    assert operations.count("Scann>TensorsToScann") == 3


def test_indexing_again_leaves_nothing_behind(partitioned):
    index = ScaNN(k=3).index(vectors(400), [f"old{i}" for i in range(400)])
    index.predict(vectors(2), verbose=0)
    new = vectors(300)
    index.index(new)
    assert index.predict(new[:2], verbose=0)[1][:, 0].tolist() == [
        row[0] for row in top_k(new[:2], new, 1)
    ]
    assert {w.shape[0] for w in index.weights if w.shape.rank == 2} == {300}


def test_two_indexes_in_one_saved_model_answer_for_themselves(tmp_path):
    module = tf.Module()
    corpora = [vectors(300), vectors(280)]
    indexes = [ScaNN(k=5).index(corpus) for corpus in corpora]
    module.corpora = [index._corpus for index in indexes]
    spec = [tf.TensorSpec([None, 8])]
    module.first = tf.function(lambda q: indexes[0](q)[1], input_signature=spec)
    module.second = tf.function(lambda q: indexes[1](q)[1], input_signature=spec)
    options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
    tf.saved_model.save(module, str(tmp_path), options=options)
    loaded = tf.saved_model.load(str(tmp_path))
    queries = vectors(4)
    for ask, corpus in ((loaded.first, corpora[0]), (loaded.second, corpora[1])):
        # By the corpora, not by the indexes: these could answer for each other as well.
        best = [row[0] for row in top_k(queries, corpus, 1)]
        assert ask(queries).numpy()[:, 0].tolist() == best


def test_keras_file_brings_the_index_along(tmp_path, partitioned):
    partitioned.save(str(tmp_path / "index.keras"))
    restored = keras.models.load_model(str(tmp_path / "index.keras"))
    queries = vectors(4, 16)
    for ours, theirs in zip(partitioned(queries), restored(queries), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert restored.get_config() == partitioned.get_config()


def test_it_is_an_approximate_layer_of_tfrs(partitioned):
    assert not partitioned.is_exact()
    assert Exact().is_exact()


def test_bad_settings_are_refused_with_the_reason(partitioned):
    with pytest.raises(ValueError, match=r"at most the number of candidates, 9.*num_leaves=10"):
        ScaNN(num_leaves=10).index(vectors(9))
    with pytest.raises(ValueError, match="`num_leaves_to_search` must be a positive integer"):
        ScaNN(num_leaves_to_search=0)
    with pytest.raises(ValueError, match="NaN or infinity in 1 rows: 2"):
        ScaNN().index(np.where(np.arange(5)[:, None] == 2, np.nan, vectors(5)))
    with pytest.raises(ValueError, match=r"`num_leaves` must be between 1 and .*2000.*\(3000,\)"):
        partitioned.tune(vectors(3, 16), num_leaves=(3000,))
    with pytest.raises(ValueError, match="`recall` must be in"):
        partitioned.tune(vectors(3, 16), recall=95)


@pytest.mark.slow
def test_missing_library_is_named_with_the_way_to_install_it():
    code = """
import sys; sys.modules["scann"] = None
from tfrs_ext.indexes import Exact, ScaNN
from tfrs_ext.indexes import scann as module
Exact().index([[1.0]])
ScaNN()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'pip install "tfrs-ext[scann]"' in run.stderr.splitlines()[-1]

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import run_layer_test
from tests.oracles import frequencies as oracle
from tfrs_ext.frequencies import CountedFrequency


@pytest.mark.parametrize(
    ("ids", "queries"),
    [
        ([5, -3, 2**40], np.array([2**40, 5, -3, 8])),
        (["a", "ü", ""], np.array(["ü", "", "a", "zz"])),
    ],
    ids=["integers", "strings"],
)
def test_keras_contract(ids, queries, tmp_path):
    run_layer_test(lambda: CountedFrequency(ids, [3, 0, 9]), queries, tmp_path, trains=False)


def test_published_counts():
    frequency = CountedFrequency([1, 2, 3, 4, 5], [10, 5, 20, 15, 50])
    expected = np.log([0.1, 0.05, 0.2, 0.15])
    np.testing.assert_allclose(frequency(tf.constant([1, 2, 3, 4])), expected, rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(
    st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**9), min_size=1),
    st.lists(st.integers(-5, 5)),
)
def test_equals_a_dictionary(table, others):
    table[1] = 1
    queries = [*table, *others]
    frequency = CountedFrequency(list(table), list(table.values()), unseen_count=0.5)
    expected = oracle.counted(list(table), list(table.values()), queries, 0.5)
    np.testing.assert_allclose(frequency(tf.constant(queries, tf.int64)), expected, rtol=1e-5)


def test_int32_and_int64_ids_agree():
    frequency = CountedFrequency(np.array([1, 2], np.int32), [1, 3])
    for dtype in (tf.int32, tf.int64):
        np.testing.assert_allclose(tf.exp(frequency(tf.constant([2, 1], dtype))), [0.75, 0.25])


def test_probabilities_sum_to_one_over_a_large_catalogue():
    counts = np.random.default_rng(0).zipf(1.3, 100_000).clip(max=10**7)
    frequency = CountedFrequency(np.arange(100_000), counts)
    total = np.exp(frequency(tf.range(100_000)).numpy().astype(np.float64)).sum()
    assert total == pytest.approx(1, abs=1e-5)


def test_bytes_and_text_are_the_same_id():
    frequency = CountedFrequency(np.array([b"a", b"b"], object), [1, 3])
    np.testing.assert_allclose(tf.exp(frequency(tf.constant(["b", "a"]))), [0.75, 0.25])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1.0]), r"`counts` must have one value per id, shape=\(2,\), received"),
        (([1, 2], [1, -1]), r"`counts` must be finite and ≥ 0, received \[-1.0\]"),
        (([1, 2], [1, np.nan]), "`counts` must be finite"),
        (([1, 2], [0, 0]), "`counts` must hold a count > 0"),
        (([], []), "`ids` must be one axis of at least one id"),
        (([1, 1], [2, 3]), r"`ids` must be unique, received repeats of \[1\]"),
        (([0.5], [2]), "`ids` must be integers or strings"),
        (([1], [2], 0.0), "`unseen_count` must be > 0"),
    ],
)
def test_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        CountedFrequency(*arguments)


def test_rejects_another_kind_of_id():
    with pytest.raises(ValueError, match="`ids` must be integers, as the ids of the table"):
        CountedFrequency([1], [1])(tf.constant(["1"]))

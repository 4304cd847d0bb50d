"""The kernels with which ScaNN scores."""

import ctypes
import pathlib

import numpy as np
import pytest

from tfrs_ext.indexes import ScaNN, processor

scann = pytest.importorskip("scann")
LIBRARY = pathlib.Path(scann.__file__).parent / "scann_ops" / "cc" / "_scann_ops.so"
needs_avx2 = pytest.mark.skipif(not processor.has_avx2(), reason="a processor without AVX2")


def chosen():
    return ctypes.c_int8.in_dll(ctypes.CDLL(str(LIBRARY)), processor._USE_AVX2)


@needs_avx2
def test_an_index_scores_with_avx2():
    ScaNN()
    assert chosen().value == 1


@needs_avx2
def test_both_kernels_give_the_same_answers_from_one_index():
    rng = np.random.default_rng(0)
    vectors, queries = (rng.normal(size=(n, 32)).astype(np.float32) for n in (3000, 40))
    index = ScaNN(k=20, num_leaves=30, num_leaves_to_search=10).index(vectors)
    fast = index(queries)
    assert not processor.use_avx2(LIBRARY, False)
    assert chosen().value == 0
    slow = index(queries)
    assert processor.use_avx2(LIBRARY)
    np.testing.assert_array_equal(fast[1], slow[1])
    np.testing.assert_allclose(fast[0], slow[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("model name : x\nflags\t\t: fpu fma avx avx2\nbugs : avx2", True),
        ("flags\t\t: fpu avx2", False),
        ("flags\t\t: fpu fma avx\nbugs\t: avx2", False),
        ("Features : asimd", False),
    ],
)
def test_a_processor_has_what_its_flags_say(monkeypatch, text, has):
    monkeypatch.setattr(pathlib.Path, "read_text", lambda self: text)
    assert processor.has_avx2() is has


def test_a_library_without_the_choice_is_left_alone(tmp_path):
    assert not processor.use_avx2(tmp_path / "missing.so")
    assert not processor.use_avx2("libm.so.6")


@needs_avx2
def test_where_the_processor_is_unknown_the_librarys_own_choice_stays(monkeypatch):
    ScaNN()
    monkeypatch.setattr(processor, "has_avx2", lambda: False)
    assert not processor.use_avx2(LIBRARY)
    assert chosen().value == 1

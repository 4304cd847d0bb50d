import numpy as np
import pytest

from tfrs_ext.indexes import Exact, Quantized, ScaNN, best_for, build_index


@pytest.mark.parametrize(("size", "kind"), [(1, "exact"), (19_999, "exact"), (20_000, "scann")])
def test_size_decides(size, kind):
    assert best_for(size) == kind


def test_choice_overrides_the_size_and_keeps_ids_and_k():
    vectors = np.random.default_rng(0).normal(size=(300, 8))
    ids = [f"i{i}" for i in range(300)]
    types = {"auto": Exact, "exact": Exact, "quantized": Quantized, "scann": ScaNN}
    for kind, expected in types.items():
        index = build_index(vectors, ids, kind, k=7, queries=vectors[:20])
        assert type(index) is expected
        assert index(vectors[:1].astype(np.float32))[1].shape == (1, 7)
        assert index.identifiers.numpy()[3] == b"i3"
    assert build_index(vectors, kind="scann", k=7, queries=vectors[:20]).frontier


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"one of .*scann.*, received kind='hnsw'"):
        build_index(np.ones((2, 2)), kind="hnsw")

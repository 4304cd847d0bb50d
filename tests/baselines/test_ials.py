"""iALS answers as `implicit` does, and names the extra where that is missing."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.baselines import IALS, Baseline, ials

RNG = np.random.default_rng(0)
USERS, ITEMS = 40, 12
MATRIX = (RNG.random((USERS, ITEMS)) < 0.3).astype(np.float32)
MATRIX[3] = 0
HISTORIES = tf.ragged.constant([np.flatnonzero(row).tolist() for row in MATRIX], dtype=tf.int64)
ARGUMENTS = {"factors": 5, "alpha": 4.0, "regularization": 0.7, "iterations": 4, "seed": 3}


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setitem(sys.modules, "implicit.cpu.als", None)
    with pytest.raises(ImportError, match=r'pip install "tfrs-ext\[ials\]"'):
        IALS(ITEMS).fit(HISTORIES)


def test_histories_are_folded_in_by_the_normal_equations(monkeypatch):
    factors = RNG.normal(size=(ITEMS, 5))
    baseline = IALS(ITEMS, **ARGUMENTS)
    baseline._factors.assign(factors.astype(np.float32))
    monkeypatch.setattr(ials, "_FACTORS_IN_BLOCK", 150)
    scores = baseline(HISTORIES).numpy()
    for row, taken in enumerate(MATRIX.astype(np.float64)):
        if not taken.any():
            continue
        weights = np.where(taken > 0, 4.0, 1.0)
        left = factors.T @ (weights[:, None] * factors) + 0.7 * np.eye(5)
        expected = factors @ np.linalg.solve(left, factors.T @ (weights * taken))
        np.testing.assert_allclose(scores[row], expected, rtol=1e-3, atol=1e-4)


def test_answers_are_those_of_the_library(tmp_path):
    pytest.importorskip("implicit", reason="the extra `ials` is missing")
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    settings = {name: value for name, value in ARGUMENTS.items() if name != "seed"}
    taken = csr_matrix(MATRIX)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(**settings, random_state=3)
        model.fit(taken, show_progress=False)
        ids, scores = model.recommend(
            np.arange(USERS), taken, N=4, filter_already_liked_items=True, recalculate_user=True
        )
    baseline = IALS(ITEMS, **ARGUMENTS).fit(HISTORIES)
    baseline.save(tmp_path / "ials.keras")
    for ours in (baseline, Baseline.load(tmp_path / "ials.keras")):
        found, positions = ours.recommend(HISTORIES, 4)
        for user in range(USERS):
            if MATRIX[user].any():
                assert positions[user].tolist() == ids[user].tolist()
                np.testing.assert_allclose(found[user], scores[user], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["factors", "alpha", "regularization", "iterations"])
def test_arguments_out_of_range_are_named(name):
    with pytest.raises(ValueError, match=f"`{name}` must be greater than 0"):
        IALS(ITEMS, **{name: 0})

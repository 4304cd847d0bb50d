import functools

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.losses import BPR, GBCE, PairwiseCrossEntropy, SampledBinaryCrossEntropy, Triplet

LABELS = [[1.0, 0.0, 0.0]]
SCORES = [[1.2, 0.3, -0.5]]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (GBCE(num_items=100, t=0.75), 0.4660807),
        (GBCE(num_items=100, t=0.0), 0.5305716),
        (SampledBinaryCrossEntropy(), 0.5305716),
        (BPR(), 0.2544700),
        (PairwiseCrossEntropy(), 0.2544700),
    ],
)
def test_gives_the_published_numbers(loss, expected):
    np.testing.assert_allclose(loss(LABELS, SCORES), expected, rtol=1e-6)


def test_fully_calibrated_gbce_weighs_the_positive_by_the_sampled_share():
    value = GBCE(num_items=3, t=1.0)(LABELS, SCORES)  # Both other items are sampled: plain BCE.
    np.testing.assert_allclose(value, SampledBinaryCrossEntropy()(LABELS, SCORES), rtol=1e-6)


@pytest.mark.parametrize("prior", [0.01, 0.5, 0.9])
def test_scores_of_zero_are_the_prior_probability(prior):
    zeros, positive, negatives = [[0.0, 0.0, 0.0]], -np.log(prior), -2 * np.log(1 - prior)
    binary = SampledBinaryCrossEntropy(prior=prior)(LABELS, zeros)
    np.testing.assert_allclose(binary, (positive + negatives) / 3, rtol=1e-6)
    calibrated = GBCE(num_items=5, t=1.0, prior=prior)(LABELS, zeros)  # Two of four are drawn.
    np.testing.assert_allclose(calibrated, (positive / 2 + negatives) / 3, rtol=1e-6)


def test_the_prior_moves_scores_and_their_gradients_and_nothing_else():
    shift = np.log(99.0)
    for make in (SampledBinaryCrossEntropy, functools.partial(GBCE, 7)):
        scores = tf.constant(SCORES)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(scores)
            plain, shifted = make()(LABELS, scores - shift), make(prior=0.01)(LABELS, scores)
        np.testing.assert_allclose(plain, shifted, rtol=1e-5)
        slopes = tape.gradient(plain, scores), tape.gradient(shifted, scores)
        np.testing.assert_allclose(*slopes, rtol=1e-4)


@pytest.mark.parametrize(
    ("mining", "scores", "expected"),
    [
        ("all", [[1.0, 0.8, 0.0, 1.4]], (0.3 + 0.0 + 0.9) / 3),
        ("hard", [[1.0, 0.8, 0.0, 1.4]], 0.9),
        ("semi_hard", [[1.0, 0.8, 0.0, 1.4]], 0.3),
        ("semi_hard", [[1.0, 1.2, 1.3, 1.4]], 0.7),  # None is under the positive: the lowest.
        ("semi_hard", [[1.0, 0.1, 0.2, 1.4]], 0.0),  # Outside of the margin: satisfied.
    ],
)
def test_triplet_by_hand(mining, scores, expected):
    labels = [[1.0, 0.0, 0.0, 0.0]]
    np.testing.assert_allclose(Triplet(0.5, mining)(labels, scores), expected, atol=1e-6)


def test_tied_hard_negatives_share_the_gradient():
    scores = tf.constant([[0.0, 1.0, 1.0, 0.5]])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        value = Triplet(0.5, "hard", reduction="sum")([[1.0, 0.0, 0.0, 0.0]], scores)
    np.testing.assert_allclose(tape.gradient(value, scores), [[-1.0, 0.5, 0.5, 0.0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Triplet(margin=0.0), "`margin` must be positive, received margin=0.0"),
        (lambda: Triplet(mining="easy"), "`mining` must be one of"),
        (lambda: GBCE(num_items=1), "`num_items` must be at least 2, received num_items=1"),
        (lambda: GBCE(num_items=9, prior=1.0), "`prior` must be between 0 and 1, received prior=1"),
        (lambda: SampledBinaryCrossEntropy(prior=0.0), "`prior` must be between 0 and 1"),
        (lambda: GBCE(num_items=9, t=1.5), r"`t` must be in \[0, 1\], received t=1.5"),
    ],
)
def test_rejects_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()

"""Which loss trains a retriever."""

from tfrs_ext._keras import keras
from tfrs_ext.losses import (
    GBCE,
    CorrectedSampledSoftmax,
    FullProductSoftmax,
    FullSoftmax,
    InfoNCE,
    PairwiseCrossEntropy,
    SampledBinaryCrossEntropy,
    SampledSoftmax,
    Triplet,
)
from tfrs_ext.typing import HyperParameters


def loss_kinds(
    *, has_frequency: bool = True, has_catalogue: bool = False, num_items: int = 0
) -> list[str]:
    """Returns the names of the losses that `loss` chooses from; the first is the default.

    Args:
        has_frequency: Whether items' frequencies are known; nothing can be corrected otherwise.
        has_catalogue: Whether the negatives may be the whole catalogue, for `FullSoftmax`.
        num_items: The catalogue's size, for `GBCE`; below 2 leaves it out.
    """
    kinds = ["sampled_softmax", "info_nce", "pairwise_cross_entropy", "triplet"]
    kinds += ["sampled_binary_cross_entropy"] + ["gbce"] * (num_items > 1)
    return kinds + ["full_product_softmax"] * has_frequency + ["full_softmax"] * has_catalogue


def loss(
    hp: HyperParameters,
    *,
    has_frequency: bool = True,
    has_catalogue: bool = False,
    num_items: int = 0,
) -> keras.losses.Loss:
    """Returns a loss, the softmax over negatives by default.

    `BPR` is `pairwise_cross_entropy`, and one-sided InfoNCE is `sampled_softmax` uncorrected.

    Args:
        hp: The hyper-parameters.
        has_frequency: Whether items' frequencies are known; nothing can be corrected otherwise.
        has_catalogue: Whether the negatives may be the whole catalogue, for `FullSoftmax`.
        num_items: The catalogue's size, for `GBCE`; below 2 leaves it out.
    """
    kinds = loss_kinds(
        has_frequency=has_frequency, has_catalogue=has_catalogue, num_items=num_items
    )
    kind = hp.Choice("loss", kinds, default=kinds[0])
    with hp.conditional_scope("loss", ["sampled_softmax"]):
        softmax = _softmax(hp) if has_frequency else SampledSoftmax()
    with hp.conditional_scope("loss", ["triplet"]):
        triplet = _triplet(hp)
    calibration = _calibration(hp) if "gbce" in kinds else 0.0
    losses = {
        "sampled_softmax": lambda: softmax,
        "triplet": lambda: triplet,
        "gbce": lambda: GBCE(num_items, calibration, prior=1 / num_items),
        "info_nce": lambda: InfoNCE(symmetric=True),
        "full_product_softmax": lambda: FullProductSoftmax(correction="logq"),
        "pairwise_cross_entropy": PairwiseCrossEntropy,
        "sampled_binary_cross_entropy": SampledBinaryCrossEntropy,
        "full_softmax": FullSoftmax,
    }
    return losses[kind]()


def _calibration(hp: HyperParameters) -> float:
    with hp.conditional_scope("loss", ["gbce"]):
        return hp.Float("t", 0.0, 1.0, step=0.25, default=0.75)


def _softmax(hp: HyperParameters) -> keras.losses.Loss:
    kinds = ["corrected_logq", "logq", "none"]
    correction = hp.Choice("correction", kinds, default="corrected_logq")
    if correction == "corrected_logq":
        return CorrectedSampledSoftmax()
    return SampledSoftmax("logq" if correction == "logq" else None)


def _triplet(hp: HyperParameters) -> keras.losses.Loss:
    # Of scores that the temperature has scaled.
    margin = hp.Float("margin", 0.1, 10.0, sampling="log", default=1.0)
    mining = hp.Choice("mining", ["all", "semi_hard", "hard"], default="all")
    return Triplet(margin or 1.0, mining or "all")  # None where the scope is inactive.

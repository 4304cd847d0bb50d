"""One call from a fitted bandit to a version that a server can load."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.bandits import RecoveringDifferenceSoftmax
from tfrs_ext.serving.bundle.bandit_bundle import BanditBundle
from tfrs_ext.serving.publishing.manifest import ModelCard
from tfrs_ext.serving.publishing.publisher import publish_bundle
from tfrs_ext.serving.publishing.versions import check_base
from tfrs_ext.serving.publishing.warmup import read_warmup
from tfrs_ext.serving.verification.comparison import VerificationError
from tfrs_ext.serving.verification.fresh_process import Request, query_all_fresh
from tfrs_ext.typing import PathLike

_ROWS = 64
_TOLERANCE = 1e-3


def export_bandit(
    base: PathLike,
    bandit: RecoveringDifferenceSoftmax,
    *,
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Writes, checks and publishes a new version of a bandit in `base`.

    The version appears under its number at once and whole, after a fresh process without this
    package has loaded it and answered as the bandit does here. It has one signature, `choose`,
    which is also `serving_default`. Its inputs:

    - `eligible`: the names of the eligible arms, strings `[B, M]`; `""`, and names that the bandit
      lacks, are padding.
    - `days_since`: float32 `[B, M]`, the days since the user last saw each of them; -1 for never.
    - `draw`: float32 `[B]`, one number for each request, drawn evenly from [0, 1), which decides.

    Its outputs: `arm`, a string `[B]`, `""` where nothing is eligible; `propensity` `[B]` float32,
    the probability with which it was chosen; and `probabilities` `[B, M]` of all that are eligible,
    0 for padding. Log the inputs with `arm` and `probabilities`: `Bandit.update` learns from that.

    Args:
        base: The model's folder of versions.
        bandit: The fitted bandit.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: More entries for the manifest, such as the estimated value; JSON-able.
        model_card: A function from the finished manifest to Markdown; the text is kept as
            `assets.extra/model_card.md`.

    Returns:
        The folder of the new version, `base/<number>`.

    Raises:
        ValueError: The bandit isn't a fitted `RecoveringDifferenceSoftmax`, or `base` can't be
            written to.
        VerificationError: The bundle answers otherwise than the bandit; nothing is published.

    Relations:
        `export` publishes a retriever, `export_ranker` a ranking model. The bandit itself goes on
        learning from the file that `Bandit.save` writes.
    """
    check_base(base)
    if not isinstance(bandit, RecoveringDifferenceSoftmax) or not bandit.rounds:
        raise ValueError(
            "`bandit` must be a RecoveringDifferenceSoftmax that has learnt from a log, received "
            f"{type(bandit).__name__} with {getattr(bandit, 'rounds', 0)} rounds: call `fit` first."
        )
    bundle = BanditBundle(bandit)

    def check(folder: pathlib.Path) -> dict[str, Any]:
        return {"verified_on": _verify(folder, bandit)}

    manifest = {
        "kind": "bandit",
        "arms": list(bandit.arms),
        "scores": bandit.scores.tolist(),
        "settings": bandit.settings(),
        "rounds": bandit.rounds,
    }
    return publish_bundle(base, bundle, manifest, check, model_name, facts, model_card)


def _verify(folder: pathlib.Path, bandit: RecoveringDifferenceSoftmax) -> int:
    """Compares the bundle's answers with the bandit's; returns the number of requests."""
    eligible, days, draws = _sample(bandit)
    request = Request("choose", {"eligible": eligible, "days_since": days, "draw": draws})
    warmup = [Request(name, values, "session") for name, values in read_warmup(folder)]
    try:
        answer = query_all_fresh(folder, [request, *warmup])[0]
    except RuntimeError as error:
        raise VerificationError(str(error)) from error
    table = bandit.policy(
        [[arm for arm in row if arm] for row in eligible],
        [
            [day if day >= 0 else None for arm, day in zip(row, since, strict=True) if arm]
            for row, since in zip(eligible, days, strict=True)
        ],
    )
    names = {arm: place for place, arm in enumerate(bandit.arms)}
    for i, row in enumerate(eligible):
        wanted = np.array([table[i, names[arm]] if arm else 0.0 for arm in row])
        _compare(folder, i, answer, row, wanted, float(draws[i]))
    return len(eligible)


def _compare(
    folder: pathlib.Path,
    number: int,
    answer: Mapping[str, npt.NDArray[Any]],
    arms: npt.NDArray[np.object_],
    wanted: npt.NDArray[np.float64],
    draw: float,
) -> None:
    found = answer["probabilities"][number]
    sums = np.cumsum(wanted)
    place = int(np.flatnonzero(arms == answer["arm"][number])[0]) if answer["arm"][number] else -1
    fits = (
        place >= 0
        and np.abs(found - wanted).max() < _TOLERANCE
        and abs(answer["propensity"][number] - wanted[place]) < _TOLERANCE
        and sums[place] - wanted[place] - _TOLERANCE <= draw <= sums[place] + _TOLERANCE
    )
    if not fits:
        raise VerificationError(
            f"{os.fspath(folder)} must choose as the bandit does, chose {answer['arm'][number]!r} "
            f"by {found.tolist()} where {wanted.tolist()} is right, in request {number}."
        )


def _sample(
    bandit: RecoveringDifferenceSoftmax,
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns requests with padding, arms in any order, and days from never to long ago."""
    rng, count = np.random.default_rng(0), len(bandit.arms)
    eligible = np.full((_ROWS, count), "", object)
    for row in eligible:
        size = rng.integers(1, count + 1)
        row[:size] = rng.permutation(np.array(bandit.arms, object))[:size]
    shape = (_ROWS, count)
    days = np.where(rng.random(shape) < 0.3, -1, rng.exponential(bandit.half_life, shape))
    return eligible, days.astype(np.float32).astype(np.float64), rng.random(_ROWS)

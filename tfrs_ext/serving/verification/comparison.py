"""The check that a bundle, loaded elsewhere, answers as the model did here."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.serving.publishing.warmup import read_warmup
from tfrs_ext.serving.verification.fresh_process import Request, query_all_fresh
from tfrs_ext.typing import PathLike, TensorLike


class VerificationError(RuntimeError):
    """A bundle that answers otherwise than expected, or not at all."""


@dataclasses.dataclass(frozen=True)
class Verification:
    """What `verify` measured.

    Attributes:
        queries: Number of rows compared.
        recall: Share of the expected items that the bundle returned.
        largest_score_error: The largest error of an expected item's score, in units of the
            tolerance; NaN without scores.
    """

    queries: int
    recall: float
    largest_score_error: float


def verify(
    path: PathLike,
    inputs: Mapping[str, TensorLike],
    expected_ids: npt.ArrayLike,
    expected_scores: npt.ArrayLike | None = None,
    *,
    item_id: str = "item_id",
    score: str = "score",
    signature: str = "serving_default",
    same: Mapping[str, Mapping[str, TensorLike]] | None = None,
    min_recall: float = 1.0,
    tolerance: float = 1e-4,
) -> Verification:
    """Compares a bundle's answers, in a fresh process without this package, with expected ones.

    The same process answers the bundle's warm-up requests in the way of TensorFlow Serving.

    `recall = |returned & expected| / |expected|` over the K columns that the bundle returns. With
    scores, an item counts as expected as well where its own score equals the one expected at its
    place (a tie), and every returned item that is expected must bear its expected score.

    Args:
        path: A version's folder.
        inputs: The columns that `signature` takes, Q rows each.
        expected_ids: `[Q, M]`, best first, M >= K; more than K columns let ties across the
            last place be recognised. -1 or `""` where there is no item.
        expected_scores: `[Q, M]`, or None.
        item_id: The name of the output with the ids.
        score: The name of the output with the scores.
        signature: The name of the signature to ask.
        same: From the names of more signatures to inputs that must have the same answers.
        min_recall: The least recall: 1 for an exact index.
        tolerance: The error that scores may have, relative to the largest of them.

    Returns:
        What was measured.

    Raises:
        VerificationError: Where the bundle can't be loaded or asked, recall is too low, an item
            comes twice in a row, a score differs, or the best item isn't the first.
    """
    asked = {signature: inputs, **(same or {})}
    # The server replays the warm-up in a session, and refuses a version where that fails.
    warmup = [Request(name, values, "session") for name, values in read_warmup(path)]
    try:
        answers = query_all_fresh(path, [*(Request(*pair) for pair in asked.items()), *warmup])
    except RuntimeError as error:
        raise VerificationError(str(error)) from error
    true = None if expected_scores is None else np.asarray(expected_scores, np.float64)
    results = []
    for name, answer in zip(asked, answers, strict=False):
        where = f"{os.fspath(path)}, {name!r},"
        found = None if true is None else answer[score].astype(np.float64)
        results.append(
            _compare(where, answer[item_id], found, expected_ids, true, min_recall, tolerance)
        )
    return min(results, key=lambda result: result.recall)


def _compare(
    where: str,
    returned_ids: npt.ArrayLike,
    scores: npt.NDArray[np.float64] | None,
    expected_ids: npt.ArrayLike,
    true: npt.NDArray[np.float64] | None,
    min_recall: float,
    tolerance: float,
) -> Verification:
    expected, returned = _items(expected_ids), _items(returned_ids)
    if len(returned) != len(expected):
        raise VerificationError(
            f"{where} answered {len(returned)} rows to {len(expected)} queries."
        )
    rows = [
        _compare_row(
            returned[i],
            None if scores is None else scores[i],
            expected[i],
            None if true is None else true[i],
            tolerance,
        )
        for i in range(len(expected))
    ]
    hits, wanted, errors = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    result = Verification(
        queries=len(rows),
        recall=float(hits.sum() / max(wanted.sum(), 1)),
        largest_score_error=float(errors.max()) if scores is not None else float("nan"),
    )
    if result.recall < min_recall:
        worst = int(np.argmin(hits / np.maximum(wanted, 1)))
        raise VerificationError(
            f"{where} must return at least {min_recall:.4f} of the expected items, "
            f"returned {result.recall:.4f} over {len(rows)} queries. Worst is query {worst}: "
            f"expected {expected[worst][:10].tolist()}, returned {returned[worst][:10].tolist()}."
        )
    if result.largest_score_error > 1:
        raise VerificationError(
            f"{where} returned expected items with other scores: the largest difference "
            f"is {result.largest_score_error:.1f} times the tolerance."
        )
    return result


def _compare_row(
    returned: npt.NDArray[Any],
    scores: npt.NDArray[np.float64] | None,
    expected: npt.NDArray[Any],
    expected_scores: npt.NDArray[np.float64] | None,
    tolerance: float,
) -> tuple[int, int, float]:
    """Returns hits, expected hits, and the largest error of a score in units of tolerance."""
    kept = [i for i, item in enumerate(returned) if item is not None]
    items = [returned[i] for i in kept]
    if len(set(items)) < len(items):
        raise VerificationError(f"The bundle returned an item twice: {items}.")
    wanted = [item for item in expected[: len(returned)] if item is not None]
    if len(items) > len(wanted):
        raise VerificationError(f"The bundle returned {items} where only {wanted} are left.")
    if scores is None or expected_scores is None:
        return len(set(items) & set(wanted)), len(wanted), 0.0
    place = {item: i for i, item in enumerate(expected)}
    _check_order(kept, scores[kept], tolerance)
    unit = tolerance * max(1.0, float(np.abs(expected_scores[: len(wanted)]).max(initial=0)))
    last = expected_scores[len(wanted) - 1] if wanted else 0.0
    hits, error = 0, 0.0
    for i in kept:
        at = place.get(returned[i])
        # Beyond the listed items, only a tie that runs past the end of the list can be right.
        true = expected_scores[-1] if at is None else expected_scores[at]
        hits += bool(true >= last - unit) and (at is not None or abs(scores[i] - last) <= unit)
        if at is not None:
            error = max(error, abs(scores[i] - true) / unit)
    return hits, len(wanted), error


def _check_order(kept: list[int], scores: npt.NDArray[np.float64], tolerance: float) -> None:
    unit = tolerance * max(1.0, float(np.abs(scores).max(initial=0)))
    ordered = np.all(np.diff(scores) <= unit)  # False where a score is NaN.
    if kept != list(range(len(kept))) or not ordered or np.isnan(scores).any():
        raise VerificationError(
            f"The bundle must return the best item first and padding last, returned items at "
            f"places {kept} with scores {scores.tolist()}."
        )


def _items(ids: npt.ArrayLike) -> npt.NDArray[Any]:
    """Returns ids as integers or `str`, and None where there is no item."""
    ids = np.asarray(ids)
    padding = -1 if ids.dtype.kind in "iu" else ""
    flat = [v.decode() if isinstance(v, bytes) else v for v in ids.reshape(-1).tolist()]
    items = np.empty(len(flat), dtype=object)
    items[:] = [None if v == padding else v for v in flat]
    return items.reshape(ids.shape)

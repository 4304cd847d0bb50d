"""The check that a bundle answers elsewhere, place by place, what it answers here."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.serving.publishing.warmup import read_warmup
from tfrs_ext.serving.verification.comparison import VerificationError
from tfrs_ext.serving.verification.fresh_process import Request, query_all_fresh
from tfrs_ext.typing import PathLike

# Rounding may swap two items of nearly equal score, and a choice for variety may then differ.
_LEAST, _TOLERANCE = 0.98, 1e-4

Answer = Mapping[str, npt.NDArray[Any]]


def verify_places(
    path: PathLike,
    requests: Sequence[Request],
    expected: Sequence[Answer],
    *,
    item_id: str,
    score: str,
) -> int:
    """Compares a bundle's answers, in a fresh process without this package, with expected ones.

    Unlike `verify`, it takes lists in any order of scores, as rules leave them behind.

    Args:
        path: A version's folder.
        requests: The questions.
        expected: The answers to them, output by output.
        item_id: The name of the output with the ids.
        score: The name of the output with the scores.

    Returns:
        The number of rows compared.

    Raises:
        VerificationError: Where the bundle can't be loaded or asked, or answers otherwise: with
            another item in more than 2% of the places, or with other values for the same item.
    """
    warmup = [Request(name, values, "session") for name, values in read_warmup(path)]
    try:
        answers = query_all_fresh(path, [*requests, *warmup])[: len(requests)]
    except RuntimeError as error:
        raise VerificationError(str(error)) from error
    return sum(
        _compare(os.fspath(path), request.signature, answer, _as_text(wanted), item_id, score)
        for request, answer, wanted in zip(requests, answers, expected, strict=True)
    )


def _as_text(answer: Answer) -> dict[str, npt.NDArray[Any]]:
    decode = np.vectorize(_decode, otypes=[object])
    return {
        name: decode(values) if values.dtype == object and values.size else values
        for name, values in answer.items()
    }


def _decode(value: bytes | str) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _compare(
    path: str, signature: str, answer: Answer, wanted: Answer, item_id: str, score: str
) -> int:
    if set(answer) != set(wanted) or answer[item_id].shape != wanted[item_id].shape:
        raise VerificationError(
            f"{path} must answer {signature!r} with {sorted(wanted)} of shape "
            f"{wanted[item_id].shape}, answered {sorted(answer)} of {answer[item_id].shape}."
        )
    same = answer[item_id] == wanted[item_id]
    share = float(np.mean(same)) if same.size else 1.0
    if share < _LEAST:
        row = int(np.argmin(np.mean(same, axis=1)))
        raise VerificationError(
            f"{path} must answer {signature!r} as the model does, answered {share:.1%} of the "
            f"places so. Worst is row {row}: expected {wanted[item_id][row].tolist()}, returned "
            f"{answer[item_id][row].tolist()}."
        )
    for name, values in wanted.items():
        found = answer[name]
        if name == score:
            near = np.isclose(found.astype(np.float64), values, rtol=_TOLERANCE, atol=_TOLERANCE)
        else:
            near = found == values
        if not np.all(near[same]):
            raise VerificationError(
                f"{path} returned expected items with another {name!r} in {np.sum(~near[same])} "
                f"places of {signature!r}."
            )
    return len(same)

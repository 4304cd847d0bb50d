"""Sweeps of which the default part of the suite runs a few cases and the slow part the rest."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], quick: Sequence[Any] | Callable[[Any], bool]) -> list[Any]:
    """Returns the cases as parameters, the others than `quick` marked as slow.

    Args:
        cases: Values of `pytest.mark.parametrize`; tuples where it has several names.
        quick: The cases that the default part runs, or a function that says of one whether it does.

    Raises:
        ValueError: Where `quick` holds what is no case, or leaves no case.
    """
    cases = list(cases)
    if not callable(quick):
        chosen = list(quick)
        unknown = [case for case in chosen if not any(case is c or case == c for c in cases)]
        if unknown:
            raise ValueError(f"`quick` must hold cases of the sweep, received {unknown}.")
        fast = [any(case is c or case == c for c in chosen) for case in cases]
    else:
        fast = [quick(case) for case in cases]
    if not any(fast):
        raise ValueError("`quick` must leave a case in the default part.")
    return [
        case
        if keep
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for case, keep in zip(cases, fast, strict=True)
    ]

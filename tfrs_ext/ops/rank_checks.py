"""Checks of the arguments that every metric of ranks takes."""

from collections.abc import Sequence
from numbers import Real
from typing import cast, get_args

from tfrs_ext.ops.tied_ranks import Ties


def check_ties(ties: str) -> Ties:
    """Returns `ties`, or says what it may be."""
    if ties not in get_args(Ties):
        raise ValueError(f"`ties` must be one of {', '.join(get_args(Ties))}, received {ties!r}.")
    return cast("Ties", ties)


def check_ks(ks: Sequence[int]) -> tuple[int, ...]:
    """Returns `ks` as a tuple of positive integers."""
    if isinstance(ks, Real):
        raise ValueError(f"`ks` must be a sequence of positive integers, received ks={ks!r}.")
    if not ks or any(k != int(k) or k < 1 for k in ks):
        raise ValueError(f"`ks` must be positive integers, received ks={ks!r}.")
    return tuple(int(k) for k in ks)

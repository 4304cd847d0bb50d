"""Requests for a choice, as lists of arms and days, to flat arrays."""

from collections.abc import Sequence
from typing import Union

import numpy as np

from tfrs_ext.bandits.rounds import Contexts

Arms = Sequence[Sequence[str]]
"""The names of the eligible arms of each request."""

Days = Union[Sequence[Sequence[Union[float, None]]], None]
"""The days since each eligible arm was last seen, for each request."""


def read_requests(eligible: Arms, days_since: Days, arms: Sequence[str]) -> Contexts:
    """Returns checked requests as flat arrays.

    Raises:
        ValueError: No arm is eligible, an arm is unknown or named twice, or days are negative or
            not as many as arms.
    """
    if isinstance(eligible, str) or any(isinstance(row, str) for row in eligible):
        raise ValueError(
            f"`eligible` must be a list of lists of arms, one for each request, received "
            f"{eligible!r}."
        )
    lengths = np.array([len(row) for row in eligible], np.int64)
    if not lengths.all():
        raise ValueError(
            f"`eligible` must name at least one arm in each request, received none in request "
            f"{int(np.argmin(lengths))}: send nothing there."
        )
    positions = {name: i for i, name in enumerate(arms)}
    unknown = sorted({str(name) for row in eligible for name in row if name not in positions})
    if unknown:
        raise ValueError(f"`eligible` must name known arms, received {unknown[:10]}.")
    twice = [i for i, row in enumerate(eligible) if len(set(row)) < len(row)]
    if twice:
        raise ValueError(
            f"`eligible` must name each arm once, received {list(eligible[twice[0]])} in request "
            f"{twice[0]}."
        )
    codes = np.array([positions[name] for row in eligible for name in row], np.int64)
    if days_since is None:
        return Contexts(lengths, codes, np.full(len(codes), np.inf))
    if [len(row) for row in days_since] != lengths.tolist():
        raise ValueError(
            "`days_since` must have a value for each eligible arm of each request, received lists "
            f"of lengths {[len(row) for row in days_since][:10]} for {lengths.tolist()[:10]} arms."
        )
    flat = [np.inf if day is None else float(day) for row in days_since for day in row]
    days = np.array(flat, np.float64)
    if (days < 0).any():
        raise ValueError(
            f"`days_since` must be at least 0, received {days.min():g}: leave it None for never."
        )
    return Contexts(lengths, codes, np.where(np.isnan(days), np.inf, days))

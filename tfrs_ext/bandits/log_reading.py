"""From tables of logged rounds to flat arrays of the valid ones."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tfrs_ext.bandits.arrow_columns import (
    UNKNOWN,
    flatten,
    read_codes,
    read_lists,
    read_times,
    read_users,
    to_floats,
)
from tfrs_ext.bandits.log_checks import Mask, check_invalid, settle
from tfrs_ext.bandits.log_tables import Log, read_tables
from tfrs_ext.bandits.rounds import Floats, Integers, Rounds

_SUM_TOLERANCE = 1e-3

Chunk = tuple[Rounds, Counter[str]]


def read_log(log: Log, arms: Sequence[str], invalid: str = "raise") -> Iterator[Chunk]:
    """Yields valid rounds in chunks, each with the counts of the rounds that are left out.

    Args:
        log: The rounds; see `Bandit.fit` for the columns.
        arms: The names of the arms.
        invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.
    """
    check_invalid(invalid)
    if isinstance(log, Rounds):
        yield log, Counter()
        return
    value_set = pa.array(arms, pa.string())
    begin = 0
    for table in read_tables(log):
        yield _rounds_of(table, value_set, invalid, begin)
        begin += len(table)


def read_whole_log(log: Log, arms: Sequence[str], invalid: str = "raise") -> Rounds:
    """Returns all valid rounds of a log that fits in memory."""
    return join([rounds for rounds, _ in read_log(log, arms, invalid)])


def join(parts: Sequence[Rounds]) -> Rounds:
    """Returns the rounds of all parts as one value."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        raise ValueError("`log` must hold at least one round, received none.")
    before = np.cumsum([0, *(len(part.arms) for part in parts[:-1])])
    flat: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("lengths", "arms", "days_since", "propensities", "rewards")
    }
    chosen = np.concatenate([p.chosen + n for p, n in zip(parts, before, strict=True)])
    extra: dict[str, Any] = {}
    for name in ("users", "times"):
        found = [getattr(part, name) for part in parts]
        extra[name] = None if any(f is None for f in found) else np.concatenate(found)
    return Rounds(chosen=chosen, **flat, **extra)


def _rounds_of(table: pa.Table, arms: pa.Array, invalid: str, begin: int) -> Chunk:
    """Returns the valid rounds of a table that begins with round `begin` of the log."""
    lengths, names = read_lists(table, "eligible")
    codes = read_codes(names, arms)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    chosen = read_codes(flatten(table, "chosen"), arms)
    rewards = to_floats(flatten(table, "reward"), "reward")
    days = _days(table, lengths, begin)
    is_chosen = (codes == chosen[owners]) & (codes != UNKNOWN)
    propensities = _propensities(table, lengths, is_chosen, begin)
    counts = _sums(is_chosen, owners, len(lengths))
    picked = np.zeros(len(lengths))  # The chosen arm's propensity, where there is one such arm.
    picked[owners[is_chosen]] = propensities[is_chosen]
    totals = _sums(np.nan_to_num(propensities), owners, len(lengths))
    says_all = ~_any(np.isnan(propensities), owners, len(lengths))
    problems = {
        "no eligible arm": lengths == 0,
        "an unknown arm": _any(codes == UNKNOWN, owners, len(lengths)) | (chosen == UNKNOWN),
        "an arm twice in `eligible`": _has_twice(codes, owners, len(lengths), len(arms)),
        "a chosen arm that isn't eligible": counts == 0,
        "a propensity outside (0, 1]": ~((picked > 0) & (picked <= 1))
        | _any((propensities < 0) | (propensities > 1), owners, len(lengths)),
        "propensities that don't sum to 1": says_all & (np.abs(totals - 1) > _SUM_TOLERANCE),
        "negative days": _any(days < 0, owners, len(lengths)),
        "a reward outside [0, 1]": ~((rewards >= 0) & (rewards <= 1)),
    }
    fine, left_out = settle(problems, invalid, begin)
    places = np.zeros(len(lengths), np.int64)
    places[owners[is_chosen]] = np.flatnonzero(is_chosen)
    users, times = read_users(table), read_times(table)
    rounds = Rounds(lengths, codes, days, propensities, places, rewards, users, times)
    return (rounds if fine.all() else rounds.take(fine)), left_out


def _parallel(table: pa.Table, name: str, lengths: Integers, begin: int) -> Floats:
    """Returns the entries of a column of lists; NaN for all of a row that has no list."""
    own, values = read_lists(table, name)
    missing = pc.is_null(flatten(table, name)).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero((own != lengths) & ~missing)
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"`log` must have as many {name} as eligible arms in each round, received "
            f"{int(own[first])} for {int(lengths[first])} arms in round {begin + first}."
        )
    result = np.full(int(lengths.sum()), np.nan)
    result[np.repeat(~missing, lengths)] = to_floats(values, name)
    return result


def _days(table: pa.Table, lengths: Integers, begin: int) -> Floats:
    if "days_since" not in table.column_names:
        return np.full(int(lengths.sum()), np.inf)
    days = _parallel(table, "days_since", lengths, begin)
    return np.where(np.isnan(days), np.inf, days)


def _propensities(table: pa.Table, lengths: Integers, is_chosen: Mask, begin: int) -> Floats:
    """Returns the arms' propensities; from the chosen arm's alone where choices were uniform."""
    if "propensities" in table.column_names:
        # Sums in float32 end a rounding above 1.
        values = _parallel(table, "propensities", lengths, begin)
        return np.where((values > 1) & (values < 1 + 1e-6), 1.0, values)
    chosen = to_floats(flatten(table, "propensity"), "propensity")
    with np.errstate(divide="ignore"):
        is_uniform = np.isclose(chosen, 1 / lengths, rtol=1e-4) | ~((chosen > 0) & (chosen <= 1))
    spread = np.repeat(chosen if is_uniform.all() else np.full(len(chosen), np.nan), lengths)
    return np.where(is_chosen, np.repeat(chosen, lengths), spread)


def _sums(values: npt.NDArray[np.generic], owners: Integers, count: int) -> Floats:
    return np.bincount(owners, values, count).astype(np.float64)


def _any(mask: Mask, owners: Integers, count: int) -> Mask:
    result = np.zeros(count, bool)
    result[owners[mask]] = True
    return result


def _has_twice(codes: Integers, owners: Integers, count: int, arms: int) -> Mask:
    """Returns the rounds that name an arm twice, by sorted pairs of round and arm."""
    keys = np.sort(owners * (arms + 1) + codes + 1)
    twice = keys[1:][(keys[1:] == keys[:-1]) & (keys[1:] % (arms + 1) > 0)]
    result = np.zeros(count, bool)
    result[twice // (arms + 1)] = True
    return result

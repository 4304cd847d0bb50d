"""Mixtures, memories and tests of fit, by loops."""

import numpy as np


def mixture_log_q(sizes, log_qs):
    """`log(sum_s n_s q_s / sum_s n_s)` for each item, with `log_qs[s][item]`."""
    total = sum(sizes)
    return np.array(
        [
            np.log(sum(n * np.exp(q) for n, q in zip(sizes, qs, strict=True)) / total)
            for qs in zip(*log_qs, strict=True)
        ]
    )


def fifo(batches, capacity):
    """What a memory of `capacity` holds before each batch, oldest first."""
    held = []
    for batch in batches:
        yield list(held)
        held = (held + list(batch))[-capacity:]


def chi_square_is_plausible(draws, probabilities, z=4.0):
    """Whether counts of `draws` fit `probabilities`, at `z` standard normal deviations."""
    expected = len(draws) * np.asarray(probabilities, np.float64)
    observed = np.bincount(draws, minlength=len(expected)).astype(np.float64)
    assert observed[expected == 0].sum() == 0, "drew what has no probability"
    # Rare items share a cell, or the statistic isn't chi-square.
    rare = expected < 5
    observed = np.append(observed[~rare], observed[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    cells = expected > 0
    statistic = ((observed - expected)[cells] ** 2 / expected[cells]).sum()
    freedom = cells.sum() - 1
    # The quantile by Wilson and Hilferty.
    bound = freedom * (1 - 2 / (9 * freedom) + z * np.sqrt(2 / (9 * freedom))) ** 3
    return statistic < bound

"""The recurring bandit and the values of policies as loops over rounds and arms."""

import math

import numpy as np


def statistics(rounds, arms):
    """For each arm: weights and rewards with it, without it, and the plain rewards of both."""
    found = {arm: ([], [], []) for arm in arms}
    for row in rounds:
        for arm, b in zip(row["eligible"], row["propensities"], strict=True):
            if not 0 < b < 1 or len(row["eligible"]) == 1:
                continue
            chosen, passed, plain = found[arm]
            if arm == row["chosen"]:
                chosen.append((1 / b, row["reward"]))
            else:
                passed.append((1 / (1 - b), row["reward"]))
            plain.append(row["reward"])
    return found


def mean(pairs):
    return sum(w * r for w, r in pairs) / sum(w for w, _ in pairs)


def size(pairs):
    return sum(w for w, _ in pairs) ** 2 / sum(w * w for w, _ in pairs) if pairs else 0.0


def score(chosen, passed, plain, shrinkage):
    middle = sum(plain) / len(plain)

    def pull(pairs):
        n = size(pairs)
        return ((n * mean(pairs) if pairs else 0.0) + shrinkage * middle) / (n + shrinkage)

    return (pull(chosen) - pull(passed)) / pull(passed)


def policy(scores, eligible, days, gamma, half_life, temperature):
    powers = []
    for arm, d in zip(eligible, days, strict=True):
        penalty = 0.0 if d is None else gamma * 0.5 ** (d / half_life)
        powers.append(math.exp((scores[arm] - penalty) / temperature))
    return [power / sum(powers) for power in powers]


def difference_error(chosen, passed):
    """The standard error of mean(chosen) / mean(passed), by the delta method."""

    def variance(pairs):
        m = mean(pairs)
        return sum((w * (r - m)) ** 2 for w, r in pairs) / sum(w for w, _ in pairs) ** 2

    m, n = mean(chosen), mean(passed)
    return math.sqrt(variance(chosen) / n**2 + m**2 / n**4 * variance(passed))


def values(rounds, policies, q):
    """IPS, self-normalised IPS and doubly robust values, and Kish's size of the weights."""
    weighted, weights, robust = [], [], []
    for row, p, expected in zip(rounds, policies, q, strict=True):
        at = row["eligible"].index(row["chosen"])
        w = p[at] / row["propensities"][at]
        weights.append(w)
        weighted.append(w * row["reward"])
        direct = sum(a * b for a, b in zip(p, expected, strict=True))
        robust.append(direct + w * (row["reward"] - expected[at]))
    return {
        "ips": np.mean(weighted),
        "self_normalised": sum(weighted) / sum(weights),
        "doubly_robust": np.mean(robust),
        "size": sum(weights) ** 2 / sum(w * w for w in weights),
    }

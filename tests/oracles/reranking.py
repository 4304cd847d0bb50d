"""Rules of re-ranking by plain loops over one list, in float64."""

import numpy as np


def exclude(items, exclusions):
    return [item for item in items if item not in set(exclusions)]


def filter_tags(items, tags, allow, deny):
    allow, deny = {t for t in allow if t}, {t for t in deny if t}
    return [
        item
        for item in items
        if (not allow or allow & set(tags[item])) and not deny & set(tags[item])
    ]


def limit_groups(items, groups, at_most):
    kept, counts = [], {}
    for item in items:
        group = groups[item]
        counts[group] = counts.get(group, 0) + 1
        if group < 0 or counts[group] <= at_most:
            kept.append(item)
    return kept


def scaled(scores, factors):
    return [s / f if s < 0 else s * f for s, f in zip(scores, factors, strict=True)]


def cool_down(items, scores, shown, days, loss, half_life, rest_days):
    """Returns the items that are left with their scores, best first."""
    left = []
    for item, score in zip(items, scores, strict=True):
        factor, rests = 1.0, False
        for other, day in zip(shown, days, strict=True):
            if other == item:
                factor *= 1 - loss * 0.5 ** (max(day, 0) / half_life)
                rests |= max(day, 0) < rest_days
        if not rests:
            left.append((item, scaled([score], [factor])[0]))
    return sorted(left, key=lambda pair: -pair[1])


def relevance(scores):
    scores = np.asarray(scores, np.float64)
    spread = scores.max() - scores.min()
    return (scores - scores.min()) / spread if spread > 0 else np.zeros_like(scores)


def cosines(vectors):
    vectors = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1)
    return units @ units.T


def marginal_relevance_gains(scores, vectors, share, chosen):
    """Returns the gain of each item of the list after some were chosen; NaN for those."""
    likeness, worth = cosines(vectors), relevance(scores)
    gains = np.full(len(worth), np.nan)
    for i in range(len(worth)):
        if i not in chosen:
            closest = max((likeness[i, j] for j in chosen), default=0.0)
            gains[i] = share * worth[i] - (1 - share) * closest
    return gains


def determinantal_gains(scores, vectors, share, chosen):
    """Returns how much each item adds to the objective, by whole determinants."""
    kernel, worth = (1 + cosines(vectors)) / 2, relevance(scores)
    is_zero = ~np.any(np.asarray(vectors), axis=1)
    kernel[is_zero, is_zero] = 0.5  # A vector of zeros is half as long.

    def log_det(items):
        return np.linalg.slogdet(kernel[np.ix_(items, items)])[1] if items else 0.0

    gains = np.full(len(worth), np.nan)
    for i in range(len(worth)):
        if i not in chosen:
            gains[i] = share * worth[i] + (1 - share) * (log_det([*chosen, i]) - log_det(chosen))
    return gains

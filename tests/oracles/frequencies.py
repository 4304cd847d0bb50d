"""Frequencies by loops over dictionaries."""

import numpy as np


def counted(ids, counts, queries, unseen_count=1.0):
    table = dict(zip(ids, counts, strict=True))
    total = sum(counts)
    return np.log([(table.get(q, 0) or unseen_count) / total for q in queries])


def streamed(batches, queries, *, alpha, initial_probability, buckets_of=lambda x: [x]):
    """Estimates after `batches`, with a clock, a gap and an occurrence mean per bucket."""
    last, gap, occurrences = {}, {}, {}
    now = 0
    for batch in batches:
        now += len(batch)
        hits = {}
        for item in set(batch):
            for key in enumerate(buckets_of(item)):
                hits[key] = max(hits.get(key, 0), list(batch).count(item))
        for key, count in hits.items():
            if key in last:
                old = gap.get(key, 1 / initial_probability)
                gap[key] = (1 - alpha) * old + alpha * (now - last[key])
            occurrences[key] = (1 - alpha) * occurrences.get(key, 1.0) + alpha * count
            last[key] = now

    def probability(item):
        keys = list(enumerate(buckets_of(item)))
        return min(
            1.0,
            *(occurrences.get(k, 1.0) / gap.get(k, 1 / initial_probability) for k in keys),
        )

    return np.log([probability(item) for item in queries])

"""Losses of lists, by loops."""

import math


def items_of(labels, scores):
    """The pairs (label, score) of a list that are items."""
    return [(y, s) for y, s in zip(labels, scores, strict=True) if y >= 0]


def list_softmax(labels, scores, target="share"):
    """The cross-entropy of one list."""
    items = items_of(labels, scores)
    if not items:
        return 0.0
    weights = [y if target == "share" else math.exp(y) for y, _ in items]
    if sum(weights) == 0:
        return 0.0
    total = sum(math.exp(s) for _, s in items)
    return -sum(
        w / sum(weights) * math.log(math.exp(s) / total)
        for w, (_, s) in zip(weights, items, strict=True)
    )


def _ranks(values):
    order = sorted(range(len(values)), key=lambda i: (-values[i], i))
    return {item: rank for rank, item in enumerate(order, start=1)}


def lambda_loss(labels, scores, weighting, sigma=1.0, mu=10.0):
    """LambdaLoss of one list (Wang et al. 2018, sections 4.1 to 4.4)."""
    items = items_of(labels, scores)
    y, s = [item[0] for item in items], [item[1] for item in items]
    gains = [2**label - 1 for label in y]
    best = sum(
        g / math.log2(1 + r) for g, r in zip(sorted(gains)[::-1], range(1, 99), strict=False)
    )
    ranks, loss = _ranks(s), 0.0
    for i in range(len(y)):
        for j in range(len(y)):
            if y[i] <= y[j]:
                continue
            rho = abs(1 / math.log2(1 + ranks[i]) - 1 / math.log2(1 + ranks[j]))
            d = abs(ranks[i] - ranks[j])
            delta = abs(1 / math.log2(1 + d) - 1 / math.log2(2 + d))
            weight = {"lambdarank": rho, "ndcg_loss2": delta}.get(weighting, rho + mu * delta)
            weight *= abs(gains[i] - gains[j]) / best
            loss += weight * math.log2(1 + math.exp(-sigma * (s[i] - s[j])))
    return loss

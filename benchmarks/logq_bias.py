"""How far sampled softmax losses' expected gradients are from the full softmax's.

One query with random scores over a catalogue with Zipf frequencies; the positive's score is set so
that the full softmax gives it the stated probability. Gradients are averaged over many draws of
negatives, and compared with the full softmax's gradient by the length of the difference.

Run: python -m benchmarks.logq_bias
"""

import argparse

import numpy as np
import tensorflow as tf

from benchmarks.timing import write
from tfrs_ext.losses import CorrectedSampledSoftmax, SampledSoftmax

SOURCES = ("in_batch", "uniform", "mixed")
PROBABILITIES = (0.1, 0.5, 0.7)
_ROWS = 2000  # Draws in one call.


def draw_distribution(source: str, items: int, exponent: float = 0.8) -> np.ndarray:
    """Returns the probability that one draw of the source gives each item, `[items]`."""
    unigram = np.arange(1, items + 1) ** -exponent
    unigram /= unigram.sum()
    uniform = np.full(items, 1 / items)
    mixed = (unigram + uniform) / 2
    return {"in_batch": unigram, "uniform": uniform, "mixed": mixed}[source]


def scores_with(probability: float, positive: int, items: int, seed: int) -> np.ndarray:
    """Returns random scores of which the softmax gives `probability` to `positive`."""
    scores = np.random.default_rng(seed).normal(size=items)
    others = np.delete(scores, positive)
    scores[positive] = np.log(probability / (1 - probability)) + np.log(np.exp(others).sum())
    return scores


def gradients_of(scores: np.ndarray, positive: int, drawn: np.ndarray, q: np.ndarray) -> dict:
    """Returns each loss's gradient by the catalogue's scores, summed over the rows drawn."""
    catalogue, log_q = tf.constant(scores, tf.float32), tf.constant(np.log(q), tf.float32)
    log_q_of_others = log_q - np.log1p(-q[positive])
    rows = len(drawn)
    columns = tf.concat([tf.fill([rows, 1], positive), drawn], axis=1)
    labels = tf.one_hot(tf.zeros([rows], tf.int32), drawn.shape[1] + 1)
    hit = tf.concat([tf.zeros([rows, 1], tf.bool), drawn == positive], axis=1)
    none = tf.zeros_like(log_q)
    losses = {
        "none": (SampledSoftmax(reduction="sum"), none, 0.0),
        "logq": (SampledSoftmax(reduction="sum"), log_q, log_q[positive]),
        "corrected": (CorrectedSampledSoftmax(reduction="sum"), log_q_of_others, 0.0),
    }
    gradients = {}
    for name, (loss, shift, positive_shift) in losses.items():
        shifts = tf.tensor_scatter_nd_update(
            tf.gather(shift, columns),
            tf.stack([tf.range(rows), tf.zeros([rows], tf.int32)], axis=1),
            tf.fill([rows], tf.cast(positive_shift, tf.float32)),
        )
        with tf.GradientTape() as tape:
            tape.watch(catalogue)
            logits = tf.where(hit, tf.float32.min / 100, tf.gather(catalogue, columns) - shifts)
            total = loss(labels, logits)
        gradient = tf.convert_to_tensor(tape.gradient(total, catalogue))
        gradients[name] = np.float64(gradient.numpy())
    return gradients


def relative_bias(
    source: str,
    probability: float,
    *,
    negatives: int = 256,
    draws: int = 40_000,
    items: int = 2000,
    positive: int = 20,
    seed: int = 0,
) -> dict[str, float]:
    """Returns `|mean gradient - full gradient| / |full gradient|` of each loss.

    Args:
        source: One of `SOURCES`; in-batch negatives are draws of the other rows' positives.
        probability: The full softmax's probability of the positive.
        negatives: How many are drawn for a row, hits of the positive included.
        draws: How many rows the mean is over.
        items: The size of the catalogue.
        positive: The positive's rank by frequency, from 0.
        seed: Of scores and draws.
    """
    q = draw_distribution(source, items)
    scores = scores_with(probability, positive, items, seed)
    full = np.exp(scores - np.log(np.exp(scores).sum()))
    full[positive] -= 1
    rng = np.random.default_rng(seed + 1)
    totals: dict[str, np.ndarray] = {}
    for start in range(0, draws, _ROWS):
        drawn = rng.choice(items, size=(min(_ROWS, draws - start), negatives), p=q)
        for name, gradient in gradients_of(scores, positive, drawn.astype(np.int32), q).items():
            totals[name] = totals.get(name, np.zeros(items)) + gradient
    length = np.linalg.norm(full)
    return {n: float(np.linalg.norm(t / draws - full) / length) for n, t in totals.items()}


def main() -> None:
    """Prints the table and writes it to `results/logq_bias.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=40_000)
    draws = parser.parse_args().draws
    table = []
    for source in SOURCES:
        for probability in PROBABILITIES:
            for positive in (0, 20, 1000):
                bias = relative_bias(source, probability, draws=draws, positive=positive)
                row = {"source": source, "probability": probability, "rank": positive}
                table.append(
                    {**row, "positive_q": draw_distribution(source, 2000)[positive], **bias}
                )
    settings = {"items": 2000, "zipf": 0.8, "negatives": 256, "draws": draws}
    worst = max(row["corrected"] for row in table)
    write("logq_bias", {**settings, "worst_corrected": worst, "relative_bias": table})


if __name__ == "__main__":
    main()

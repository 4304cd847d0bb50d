import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tests.losses.cases import NONE, batch, tensors
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses import SampledSoftmax

QUERIES = [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]
POSITIVES = [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]


def candidates(embeddings, ids=None, probabilities=None):
    size = len(embeddings)
    return Candidates(
        tf.constant(embeddings),
        tf.range(size) if ids is None else tf.constant(ids),
        tf.math.log(tf.constant([1.0] * size if probabilities is None else probabilities)),
    )


def summed(loss, positives, pool, **arguments):
    return tf.reduce_sum(loss.per_query(tf.constant(QUERIES), positives, pool, **arguments))


@pytest.mark.parametrize(
    ("temperature", "probabilities", "expected"),
    [
        (1.0, None, 4.0667373),
        (2.0, None, 2.3283413),
        (1.0, [0.2, 0.05], 2.8660203),
        (2.0, [0.2, 0.05], 1.6842682),
    ],
)
def test_gives_the_numbers_published_for_tfrs(temperature, probabilities, expected):
    pool = candidates(POSITIVES, probabilities=probabilities)
    loss = SampledSoftmax(correction="logq")
    np.testing.assert_allclose(summed(loss, pool, pool, scale=1 / temperature), expected, rtol=1e-6)


@pytest.mark.parametrize(("ids", "expected"), [([7, 8, 9], 5.4199986), ([7, 8, 7], 4.7508507)])
def test_extra_negatives_and_accidental_hits_give_the_published_numbers(ids, expected):
    positives = candidates(POSITIVES, ids[:2])
    pool = candidates([*POSITIVES, [1.0, 1.0, 1.0]], ids)
    np.testing.assert_allclose(summed(SampledSoftmax(), positives, pool), expected, rtol=1e-6)


def test_one_hard_negative_at_tfrs_own_seam_gives_the_published_number():
    loss = SampledSoftmax(reduction="sum")
    task = tfrs.tasks.Retrieval(loss=loss, num_hard_negatives=1)
    queries = tf.constant([[3.0, 2.0, 1.0], [2.0, 3.0, 4.0]])
    pool = tf.constant([[0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    np.testing.assert_allclose(task(queries, pool), 3.1755154, rtol=1e-6)


def test_equals_tfrs_in_value_and_every_gradient():
    queries, positives, extra = batch(rows=20, size=15, items=12)
    pool = tf.nest.map_structure(lambda *parts: np.concatenate(parts), positives, extra)
    weight = tf.linspace(0.0, 2.0, 20)
    queries, positives, pool = tensors((queries, positives, pool))
    task = tfrs.tasks.Retrieval(temperature=0.7, remove_accidental_hits=True)

    def theirs(queries, embeddings):
        return task(
            queries,
            embeddings,
            sample_weight=weight,
            candidate_sampling_probability=tf.exp(pool.log_q),
            candidate_ids=pool.ids,
        )

    def ours(queries, embeddings):
        rows = SampledSoftmax(correction="logq").per_query(
            queries,
            positives._replace(embeddings=embeddings[:20]),
            pool._replace(embeddings=embeddings),
            scale=1 / 0.7,
            sample_weight=weight,
        )
        return tf.reduce_sum(rows)

    results = []
    for total_of in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch([queries, pool.embeddings])
            total = total_of(queries, pool.embeddings)
        results.append((total, *tape.gradient(total, [queries, pool.embeddings])))
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_a_learned_scale_gets_its_gradient():
    queries, positives, negatives = tensors(batch())
    log_scale = tf.Variable(0.3)

    def total():
        rows = SampledSoftmax("logq").per_query(
            queries, positives, negatives, scale=tf.exp(log_scale)
        )
        return tf.reduce_sum(rows)

    with tf.GradientTape() as tape:
        value = total()
    gradient = tape.gradient(value, log_scale)
    step = 1e-2
    log_scale.assign_add(step)
    up = total()
    log_scale.assign_sub(2 * step)
    np.testing.assert_allclose(gradient, (up - total()) / (2 * step), rtol=1e-3)


def test_without_correction_log_q_does_not_matter():
    queries, positives, negatives = tensors(batch())
    other = negatives._replace(log_q=negatives.log_q - tf.range(9.0))
    loss = SampledSoftmax(reduction=NONE)
    np.testing.assert_array_equal(
        loss.per_query(queries, positives, negatives), loss.per_query(queries, positives, other)
    )


def test_rejects_unknown_corrections():
    with pytest.raises(ValueError, match="`correction` must be one of"):
        SampledSoftmax(correction="log")

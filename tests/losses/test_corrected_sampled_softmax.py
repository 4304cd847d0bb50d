import numpy as np
import tensorflow as tf

from benchmarks.logq_bias import relative_bias
from tests.losses.cases import batch, tensors
from tests.oracles import losses as oracle
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses import CorrectedSampledSoftmax, FullSoftmax


def log(values):
    return tf.math.log(tf.constant(values, tf.float32))


def test_gives_the_numbers_published_for_the_paper():
    positives = Candidates(tf.constant([[1.0]]), tf.constant([0]), log([0.15]))
    negatives = Candidates(
        tf.constant([[0.5], [-0.2], [0.1]]), tf.constant([1, 2, 3]), log([0.1, 0.05, 0.2])
    )
    value = CorrectedSampledSoftmax().per_query(tf.ones([1, 1]), positives, negatives)
    # The paper's value, inner loss times weight, by its formula; ours shares weight and gradient.
    papers = oracle.corrected_log_q(1.0, [0.5, -0.2, 0.1], [0.1, 0.05, 0.2], 0.15)
    np.testing.assert_allclose(papers, 2.4852177 * 0.8000498, rtol=1e-6)
    np.testing.assert_allclose(1 - np.exp(-value), [0.8000498], rtol=1e-6)
    inner = np.log(np.expm1(value)) + np.log(3)  # log of the sum, not the mean, minus s(p).
    np.testing.assert_allclose(inner, [2.4852177], rtol=1e-6)


def _gradients(queries, positives, negatives, total_of):
    with tf.GradientTape() as tape:
        watched = [queries, positives.embeddings, negatives.embeddings]
        tape.watch(watched)
        total = tf.reduce_sum(total_of(*watched))
    return tape.gradient(total, watched)


def test_gradient_is_that_of_the_papers_formula_taken_literally():
    queries, positives, negatives = tensors(batch(rows=8, size=30, items=12))

    def papers(queries, positive_embeddings, negative_embeddings):
        s_p = tf.reduce_sum(queries * positive_embeddings, axis=1)
        s_d = tf.matmul(queries, negative_embeddings, transpose_b=True)
        q_of_others = tf.exp(negatives.log_q) / (1 - tf.exp(positives.log_q))[:, None]
        valid = tf.cast(positives.ids[:, None] != negatives.ids, tf.float32)
        n = tf.reduce_sum(valid, axis=1)
        denominator = tf.reduce_sum(valid * tf.exp(s_d) / q_of_others, axis=1)
        probability = tf.exp(s_p) / (tf.exp(s_p) + denominator / n)
        return -tf.stop_gradient(1 - probability) * tf.math.log(tf.exp(s_p) / denominator)

    def ours(queries, positive_embeddings, negative_embeddings):
        return CorrectedSampledSoftmax().per_query(
            queries,
            positives._replace(embeddings=positive_embeddings),
            negatives._replace(embeddings=negative_embeddings),
        )

    expected = _gradients(queries, positives, negatives, papers)
    actual = _gradients(queries, positives, negatives, ours)
    for ours_is, theirs_is in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours_is, theirs_is, rtol=1e-4, atol=1e-6)


def test_value_is_cross_entropy_with_negatives_shifted_by_log_n_q():
    queries, positives, negatives = batch(rows=8, size=30, items=12)
    expected = []
    for i in range(8):
        others = [j for j in range(30) if negatives.ids[j] != positives.ids[i]]
        q_of_others = np.exp(negatives.log_q[others]) / (1 - np.exp(positives.log_q[i]))
        s_d = negatives.embeddings[others] @ queries[i]
        expected.append(
            oracle.softmax(
                queries[i] @ positives.embeddings[i], s_d - np.log(len(others) * q_of_others)
            )
        )
    actual = CorrectedSampledSoftmax().per_query(*tensors((queries, positives, negatives)))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def _catalogue(items, width, seed=0):
    rng = np.random.default_rng(seed)
    return Candidates(
        tf.constant(rng.normal(size=(items, width)), tf.float32),
        tf.range(items),
        tf.fill([items], -tf.math.log(float(items))),
    )


def test_whole_catalogue_with_uniform_q_is_the_full_softmax_in_value_and_gradient():
    catalogue = _catalogue(40, 4)
    chosen = tf.constant([3, 9, 9, 30])
    positives = Candidates(*(tf.gather(part, chosen) for part in catalogue))
    queries = tf.random.normal([4, 4])

    def rows_of(loss):
        def rows(queries, positive_embeddings, embeddings):
            return loss.per_query(
                queries,
                positives._replace(embeddings=positive_embeddings),
                catalogue._replace(embeddings=embeddings),
            )

        return rows

    arguments = (queries, positives, catalogue)
    full = _gradients(*arguments, rows_of(FullSoftmax()))
    corrected = _gradients(*arguments, rows_of(CorrectedSampledSoftmax()))
    for actual, expected in zip(corrected, full, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-6)
    np.testing.assert_allclose(
        CorrectedSampledSoftmax().per_query(*arguments),
        FullSoftmax().per_query(*arguments),
        rtol=1e-5,
    )
    scores = tf.matmul(queries, catalogue.embeddings, transpose_b=True)
    exact = tf.nn.sparse_softmax_cross_entropy_with_logits(chosen, scores)
    np.testing.assert_allclose(FullSoftmax().per_query(*arguments), exact, rtol=1e-5)


def test_expected_gradient_is_the_full_softmaxs_where_standard_log_q_is_far_off():
    bias = relative_bias("in_batch", 0.5, draws=4000, positive=0)
    assert bias["corrected"] < 0.03
    assert bias["logq"] > 0.5
    assert bias["none"] > 0.5


def test_at_the_seam_negatives_come_corrected_and_one_by_n_is_added():
    scores = np.float32([[1.0, 0.5, -0.2, -np.inf]])
    value = CorrectedSampledSoftmax(reduction="none")([[1.0, 0.0, 0.0, 0.0]], scores)
    expected = oracle.softmax(1.0, np.float64([0.5, -0.2]) - np.log(2))
    np.testing.assert_allclose(value, [expected], rtol=1e-6)


def test_a_positive_that_is_always_drawn_stays_finite():
    queries, positives, negatives = tensors(batch())
    positives = positives._replace(log_q=tf.zeros([6]))
    assert np.all(np.isfinite(CorrectedSampledSoftmax().per_query(queries, positives, negatives)))

"""DSSM: the paper's formula in float64, shared weights, typos, files and exports."""

import re

import numpy as np
import pytest
import tensorflow as tf

from tests.house import REPOSITORY
from tests.oracles import dssm as oracle
from tests.oracles.trigrams import trigrams
from tfrs_ext import models, negatives, serving, tasks, tuning
from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.features import Categorical, Text, Trigrams
from tfrs_ext.models.dssm_tower import DSSMTower

pytestmark = pytest.mark.usefixtures("kept_process")

TITLES = ["Star Wars", "Heat", "Star Trek", "Alien", "Aliens", "Brazil"]
QUERIES = ["star wras", "Haet", "trek", "", "aliens two", "brasil"]
VOCABULARY = tuple(sorted({piece for title in TITLES for piece in trigrams(title)}))
QUERY, TITLE = Trigrams("query", VOCABULARY), Trigrams("title", VOCABULARY)
IDS = Categorical("item_id", tuple(range(6)))
ROWS = {"query": np.array(QUERIES), "title": np.array(TITLES), "item_id": np.arange(6)}


def make(**options):
    options = {"hidden_units": (7, 5, 4), **options}
    return models.DSSM.from_features([QUERY], [IDS, TITLE], **options)


def with_biases(model):
    rng = np.random.default_rng(4)
    for weight in model.trainable_weights:
        weight.assign_add((0.1 * rng.normal(size=weight.shape)).astype(np.float32))
    return model


def weights_of(tower):
    return [weight.numpy().astype(np.float64) for weight in tower.network.weights]


def by_hand(model, gamma, drawn):
    sides = (model.query_model, QUERIES), (model.candidate_model, TITLES)
    vectors = [oracle.embed(texts, VOCABULARY, weights_of(t)) for t, texts in sides]
    return oracle.loss(oracle.cosines(*vectors), drawn, gamma)


def drawn_by(source):
    positives = Candidates(tf.zeros([6, 4]), tf.range(6))
    return source.draw(negatives.Batch(tf.zeros([6, 4]), positives, training=False)).mask.numpy()


@pytest.mark.parametrize("shared", [False, True])
def test_loss_is_that_of_the_paper_in_float64(shared):
    source = negatives.PerQuery(2, seed=3)
    model = with_biases(make(shared=shared, gamma=6.0, negatives=source))
    drawn = drawn_by(source)
    assert drawn.sum(axis=1).tolist() == [2] * 6
    loss = model.compute_loss({name: tf.constant(column) for name, column in ROWS.items()})
    assert float(loss) == pytest.approx(by_hand(model, 6.0, drawn), rel=1e-5)
    assert len(model.query_model.trainable_weights) == 6
    assert len(model.trainable_weights) == (6 if shared else 12)


def test_gradient_is_that_of_the_formula():
    source = negatives.PerQuery(3, seed=3)
    model, drawn = with_biases(make(negatives=source)), drawn_by(negatives.PerQuery(3, seed=3))
    kernel = model.query_model.network.weights[0]
    with tf.GradientTape() as tape:
        loss = model.compute_loss({name: tf.constant(column) for name, column in ROWS.items()})
    gradient = tape.gradient(loss, kernel)
    assert isinstance(gradient, tf.IndexedSlices)
    gradient = tf.convert_to_tensor(gradient).numpy()
    whole = kernel.numpy()
    for place in [(0, 0), (3, 2), (VOCABULARY.index("#br") + 1, 6)]:
        values = []
        for step in (1e-2, -1e-2):
            moved = whole.copy()
            moved[place] += step
            kernel.assign(moved)
            values.append(by_hand(model, 10.0, drawn))
        kernel.assign(whole)
        assert gradient[place] == pytest.approx((values[0] - values[1]) / 2e-2, rel=1e-2, abs=1e-5)


def test_the_usual_model_is_the_papers():
    model = models.DSSM.from_features([QUERY], [IDS, TITLE])
    widths = [weight.shape[1] for weight in model.query_model.network.weights[::2]]
    assert widths == [300, 300, 128]
    assert isinstance(model.task.negatives, negatives.PerQuery)
    assert model.task.negatives.num_negatives == 4
    assert float(1 / model.task.get_config()["temperature"]) == pytest.approx(10)
    lengths = np.linalg.norm(model.query_model({"query": np.array(QUERIES)}).numpy(), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 1, 0, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    "policy", ["float32", pytest.param("mixed_float16", marks=pytest.mark.slow)]
)
def test_training_finds_titles_by_queries_with_other_typos(policy):
    keras.mixed_precision.set_global_policy(policy)
    try:
        keras.utils.set_random_seed(1)
        model = make(hidden_units=(32, 16), negatives=negatives.PerQuery(4, seed=1))
        model.compile(keras.optimizers.Adam(0.01))
        rows = tf.data.Dataset.from_tensors(ROWS).repeat(30)
        history = model.fit(rows, verbose=0)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert np.isfinite(history.history["loss"]).all()
    queries = ["star warz", "haett", "sta trek", "braziil"]
    scores = model.query_model({"query": np.array(queries)}).numpy() @ (
        model.candidate_model({"title": np.array(TITLES)}).numpy().T
    )
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 5]


def test_a_query_without_a_word_has_a_bounded_gradient():
    model = make()
    rows = {**ROWS, "query": np.array([""] * 6)}
    with tf.GradientTape() as tape:
        loss = model.compute_loss({name: tf.constant(column) for name, column in rows.items()})
    for gradient in tape.gradient(loss, model.trainable_variables):
        assert np.abs(tf.convert_to_tensor(gradient).numpy()).max(initial=0) < 1e4


@pytest.mark.parametrize("shared", [False, True])
def test_a_saved_model_answers_and_trains_on_as_before(shared, tmp_path):
    model = with_biases(
        make(shared=shared, learn_gamma=True, negatives=negatives.PerQuery(2, seed=1))
    )
    model.compile(keras.optimizers.SGD(0.1))
    columns = {name: tf.constant(column) for name, column in ROWS.items()}
    model.compute_loss(columns, training=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is models.DSSM
    assert len(again.trainable_weights) == len(model.trainable_weights)
    for found, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    next_draws = [float(one.compute_loss(columns, training=True)) for one in (model, again)]
    assert next_draws[0] == pytest.approx(next_draws[1], rel=1e-6)
    alone = DSSMTower.from_config(model.candidate_model.get_config())
    alone.set_weights(model.candidate_model.get_weights())
    np.testing.assert_allclose(alone(ROWS), again.candidate_model(ROWS), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
def test_an_export_answers_queries_as_strings_without_this_package(shared, tmp_path):
    model = with_biases(make(shared=shared))
    version = serving.export(
        tmp_path / "titles",
        model.query_model,
        model.candidate_model,
        serving.Items({"item_id": np.arange(6), "title": np.array(TITLES)}),
        queries={"query": np.array(QUERIES)},
        k=3,
    )
    answer = serving.query_fresh(version, {"query": ["star wras", ""]})
    vectors = model.query_model({"query": np.array(["star wras", ""])}).numpy()
    scores = vectors @ model.candidate_model({"title": np.array(TITLES)}).numpy().T
    assert list(answer["item_id"][0]) == np.argsort(-scores[0])[:3].tolist()
    np.testing.assert_allclose(answer["score"][1], np.sort(scores[1])[::-1][:3], atol=1e-5)


def test_it_is_searched_by_its_name():
    hypermodel = tuning.RetrievalHyperModel([QUERY], [IDS, TITLE], model="dssm")
    model = hypermodel.build(tuning.fixed({"hidden_units": 150, "shared": True}))
    assert type(model) is models.DSSM
    assert model.query_model.hidden_units == (150, 150, 128)
    assert model.candidate_model.network is model.query_model.network


OTHER = Trigrams("title", VOCABULARY[1:])


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: models.DSSM.from_features([Text("query")], [IDS]),
            "a column of kind `trigrams` of the query and a column .* of the document",
        ),
        (lambda: make(gamma=0.0), "`gamma` must be positive, received gamma=0.0"),
        (lambda: make(task=tasks.Retrieval(), gamma=5.0), "must be left out where `task` is given"),
        (
            lambda: make(item_counts=([1], [1]), negatives=negatives.InBatch()),
            "`item_counts` must be None where `negatives` is given",
        ),
        (lambda: make(hidden_units=()), "`hidden_units` must hold the width of one layer"),
        (
            lambda: models.DSSM.from_features([QUERY], [IDS, OTHER], shared=True),
            "share weights must have the same trigrams, received 'query' with",
        ),
        (lambda: DSSMTower(IDS), "`feature` must be a `features.Trigrams` column"),
    ],
)
def test_what_cannot_be_meant_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_known_counts_correct_the_loss():
    counts, source = np.array([9, 1, 1, 1, 1, 1]), negatives.PerQuery(4, seed=2)
    model = with_biases(make(item_counts=(np.arange(6), counts)))
    model.task.negatives.seed = 2
    columns = {name: tf.constant(column) for name, column in ROWS.items()}
    scores = 10.0 * model.query_model(ROWS).numpy() @ model.candidate_model(ROWS).numpy().T
    odds = np.exp(scores.astype(np.float64) - np.log(counts / 14))
    others = np.where(drawn_by(source), odds, 0.0).sum(axis=1)
    expected = np.mean(np.log1p(others / np.diag(odds)))
    assert float(model.compute_loss(columns)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_the_page_on_text_search_says_what_runs():
    page = (REPOSITORY / "docs" / "text_search.md").read_text()
    names = {}
    exec("".join(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)), names)
    assert names["counts"].shape[0] == 2
    answer = serving.query_fresh(names["version"], {"query": ["alein"]})
    assert len(answer["item_id"][0]) == 3

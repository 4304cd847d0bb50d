"""The search space of retrievers: defaults, every hyper-parameter, composition, a small search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.draws import drawn, space_of
from tfrs_ext import callbacks, data, layers, losses, models, negatives, optimizers, tuning
from tfrs_ext._keras import keras


@pytest.fixture(scope="module")
def problem():
    frames, _ = data.synthetic(num_users=40, num_items=40, interactions_per_user=10)
    split = data.leave_one_out(frames)
    return split, data.fit_features(split.train, history_length=4)


@pytest.fixture(scope="module")
def hypermodel(problem):
    split, features = problem
    column = split.train.schema.item_id
    counts = split.train.interactions[column].value_counts()
    columns = [feature.name for feature in features.candidate]
    return tuning.RetrievalHyperModel(
        features.query,
        features.candidate,
        item_counts=(counts.index.tolist(), counts.tolist()),
        catalogue=negatives.Catalogue(split.train.items[columns], column),
    )


def batches(problem):
    split, features = problem
    return lambda size: data.training_dataset(split.train, features, size, seed=1)


def test_the_defaults_are_what_the_readme_trains(hypermodel):
    hp = tuning.fixed({})
    hypermodel.declare_hyperparameters(hp)
    hypermodel.build(hp)
    assert hp.values == {
        "model": "two_tower",
        "embedding_dim": 64,
        "num_layers": 1,
        "hidden_units": 128,
        "dropout": 0.2,
        "temperature": 0.1,
        "temperature_kind": "fixed",
        "loss": "sampled_softmax",
        "correction": "corrected_logq",
        "negatives": "in_batch",
        "optimizer": "adam",
        "learning_rate": 2e-3,
        "weight_decay": 0.0,
        "batch_size": 1024,
    }


def test_the_full_softmax_leaves_nothing_to_choose_among_negatives(hypermodel):
    hp = tuning.fixed({"loss": "full_softmax"})
    model = hypermodel.build(hp)
    assert isinstance(model.task._negatives, negatives.WholeCatalogue)
    active = {parameter.name for parameter in hp.space if hp.is_active(parameter)}
    assert not active & {"negatives", "capacity", "num_negatives", "power"}


def test_without_facts_nothing_is_varied_that_needs_them(hypermodel):
    bare = tuning.RetrievalHyperModel(hypermodel.query_features, hypermodel.candidate_features)
    hp = tuning.fixed({})
    model = bare.build(hp)
    assert not {"correction", "num_negatives"} & set(hp.values)
    kinds = {parameter.name: parameter.values for parameter in hp.space if parameter.values}
    assert set(kinds["negatives"]) == {"in_batch", "memory_queue"}
    assert not {"full_softmax", "full_product_softmax"} & set(kinds["loss"])
    assert isinstance(model.task._loss, losses.SampledSoftmax)
    assert model.task._loss.correction is None


@pytest.mark.parametrize(
    ("values", "read", "expected"),
    [
        ({"embedding_dim": 16}, lambda m: m.query_model.get_config()["embedding_dim"], 16),
        (
            {"num_layers": 2, "hidden_units": 64},
            lambda m: m.query_model.get_config()["hidden_units"],
            [64, 64],
        ),
        ({"num_layers": 0}, lambda m: m.query_model.get_config()["hidden_units"], []),
        ({"dropout": 0.2}, lambda m: m.query_model.get_config()["dropout"], 0.2),
        ({"temperature": 0.3}, lambda m: m.task._temperature, 0.3),
        (
            {"temperature": 0.3, "temperature_kind": "learnable"},
            lambda m: (type(m.task._temperature), m.task._temperature.initial),
            (layers.LearnableTemperature, 0.3),
        ),
        (
            {"correction": "corrected_logq"},
            lambda m: type(m.task._loss),
            losses.CorrectedSampledSoftmax,
        ),
        (
            {"temperature": 0.3, "temperature_kind": "cooling", "decay_steps": 300},
            lambda m: [float(m.task._temperature.temperature(step)) for step in (0, 300)],
            pytest.approx([0.5, 0.3]),
        ),
        ({"correction": "logq"}, lambda m: m.task._loss.correction, "logq"),
        ({"correction": "none"}, lambda m: m.task._loss.correction, None),
        ({"negatives": "in_batch"}, lambda m: type(m.task._negatives.source), negatives.InBatch),
        (
            {"negatives": "mixed", "num_negatives": 256},
            lambda m: [getattr(s, "num_negatives", "batch") for s in m.task._negatives.sources],
            ["batch", 256],
        ),
        (
            {"loss": "triplet", "margin": 0.3, "mining": "hard"},
            lambda m: (type(m.task._loss), m.task._loss.margin, m.task._loss.mining),
            (losses.Triplet, 0.3, "hard"),
        ),
        (
            {"loss": "gbce", "t": 0.5},
            lambda m: (m.task._loss.t, m.task._loss.num_items),
            (0.5, 39),  # One of the 40 items isn't in the training part.
        ),
        ({"loss": "info_nce"}, lambda m: m.task._loss.symmetric, True),
        ({"loss": "full_product_softmax"}, lambda m: m.task._loss.correction, "logq"),
        (
            {"loss": "full_softmax", "negatives": "mixed"},
            lambda m: (type(m.task._loss), type(m.task._negatives)),
            (losses.FullSoftmax, negatives.WholeCatalogue),
        ),
        (
            {"loss": "pairwise_cross_entropy"},
            lambda m: type(m.task._loss),
            losses.PairwiseCrossEntropy,
        ),
        (
            {"loss": "sampled_binary_cross_entropy"},
            lambda m: type(m.task._loss),
            losses.SampledBinaryCrossEntropy,
        ),
        (
            {"negatives": "memory_queue", "capacity": 2048, "embedding_dim": 16},
            lambda m: (m.task._negatives.capacity, m.task._negatives.embedding_dim),
            (2048, 16),
        ),
        (
            {"negatives": "uniform", "num_negatives": 256},
            lambda m: (type(m.task._negatives), m.task._negatives.num_negatives),
            (negatives.Uniform, 256),
        ),
        (
            {"negatives": "popularity", "num_negatives": 256, "power": 0.5},
            lambda m: (m.task._negatives.num_negatives, m.task._negatives.power),
            (256, 0.5),
        ),
        (
            {"learning_rate": 0.002, "weight_decay": 0.01},
            lambda m: m.optimizer.weight_decay,
            0.01,
        ),
        (
            {"optimizer": "adagrad", "adagrad_learning_rate": 0.5},
            lambda m: (type(m.optimizer), float(m.optimizer.learning_rate)),
            (keras.optimizers.Adagrad, 0.5),
        ),
        (
            {"optimizer": "adam", "learning_rate": 0.002},
            lambda m: (type(m.optimizer), float(m.optimizer.learning_rate)),
            (optimizers.LazyAdam, pytest.approx(0.002)),
        ),
    ],
)
def test_every_hyper_parameter_reaches_the_model(values, read, expected, hypermodel):
    assert read(hypermodel.build(tuning.fixed(values))) == expected


def test_popular_items_are_drawn_by_their_own_counts(hypermodel):
    source = hypermodel.build(tuning.fixed({"negatives": "popularity"})).task._negatives
    counts = dict(zip(*hypermodel.item_counts, strict=True))
    assert source.item_counts.tolist() == [counts.get(i, 0) for i in source.catalogue.ids.numpy()]


def assert_trains(hypermodel, hp, train):
    model = hypermodel.build(hp)
    for batch in train(48).take(2):  # The second step sees a memory that isn't empty.
        assert np.isfinite(model.train_step(batch)["loss"])
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


LOSSES = [
    *("sampled_softmax", "info_nce", "full_product_softmax", "full_softmax", "triplet"),
    *("pairwise_cross_entropy", "sampled_binary_cross_entropy", "gbce"),
]
SOURCES = ["in_batch", "memory_queue", "uniform", "mixed", "popularity"]
PAIRS = [(loss, SOURCES[i % len(SOURCES)]) for i, loss in enumerate(LOSSES)]


def assert_pair_trains(loss, source, problem, hypermodel):
    values = {"loss": loss, "negatives": source, "embedding_dim": 16}
    assert_trains(hypermodel, tuning.fixed(values), batches(problem))


@pytest.mark.parametrize(("loss", "source"), PAIRS)
def test_every_loss_and_every_source_of_negatives_trains(loss, source, problem, hypermodel):
    assert_pair_trains(loss, source, problem, hypermodel)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_trains_with_every_source_of_negatives(loss, source, problem, hypermodel):
    assert_pair_trains(loss, source, problem, hypermodel)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.booleans())
def test_every_point_of_the_space_trains(problem, hypermodel, seed, has_facts):
    sides = hypermodel.query_features, hypermodel.candidate_features
    hyper = hypermodel if has_facts else tuning.RetrievalHyperModel(*sides)
    assert_trains(hyper, drawn(space_of(hyper), seed), batches(problem))


def test_training_batches_have_the_size_asked_for(problem, hypermodel):
    class Model:
        def fit(self, train, **kwargs):
            return [batch["item_id"].shape[0] for batch in train], kwargs

    rest = len(problem[0].train.interactions) - 256
    for train in (batches(problem), batches(problem)(100)):
        fitted = hypermodel.fit(tuning.fixed({"batch_size": 256}), Model(), train, epochs=3)
        assert fitted == ([256, rest], {"epochs": 3})


def test_a_build_of_the_users_own_composes_with_ours(hypermodel, problem):
    class Mine(tuning.RetrievalHyperModel):
        def build(self, hp):
            model = super().build(hp)
            norm = hp.Float("clipnorm", 0.1, 10.0, sampling="log", default=1.0)
            model.optimizer.clipnorm = norm
            return model

    def mine(hp):
        dim = hp.Choice("embedding_dim", [8, 12])
        sides = hypermodel.query_features, hypermodel.candidate_features
        model = models.TwoTower.from_features(*sides, embedding_dim=dim, hidden_units=())
        model.compile(tuning.space.optimizer(hp))
        return model

    hp = tuning.fixed({"clipnorm": 0.5})
    model = Mine(hypermodel.query_features, hypermodel.candidate_features).build(hp)
    assert model.optimizer.clipnorm == 0.5
    assert {"clipnorm", "temperature", "embedding_dim"} <= set(hp.values)
    small = mine(tuning.fixed({"embedding_dim": 12}))
    assert small.query_model.get_config()["embedding_dim"] == 12


def evaluation_of(problem, part):
    split, features = problem
    queries = data.evaluation_queries(part, features, history_from=split.train)
    return callbacks.RetrievalEvaluation(
        queries.queries,
        data.candidates_dataset(split.train, features, 40),
        queries.positives,
        seen=queries.seen,
    )


def test_the_objective_is_what_the_evaluation_reports(problem, hypermodel):
    evaluation = evaluation_of(problem, problem[0].validation)
    evaluation.set_model(hypermodel.build(tuning.fixed({})))
    logs = {}
    evaluation.on_epoch_end(0, logs)
    assert logs[tuning.RetrievalHyperModel.objective.name] == evaluation.result["ndcg_at_10"]
    assert tuning.RetrievalHyperModel.objective.direction == "max"


def search(problem, hypermodel, part, folder):
    tuner = tuning.RandomSearch(
        hypermodel, hypermodel.objective, max_trials=2, directory=folder, seed=3, project_name="p"
    )
    callbacks = [evaluation_of(problem, part)]
    result = tuning.search(
        tuner, batches(problem), callbacks=callbacks, epochs=2, print_fn=lambda line: None
    )
    return tuner, result


@pytest.mark.slow
def test_a_search_over_all_of_it_finds_what_training_anew_finds(problem, hypermodel, tmp_path):
    tuner, result = search(problem, hypermodel, problem[0].validation, tmp_path)
    first = next(row for row in result.trials if row["trial"] == "0")
    defaults = tuning.fixed({})
    hypermodel.declare_hyperparameters(defaults)
    hypermodel.build(defaults)
    assert first["values"] == defaults.values

    keras.utils.set_random_seed(0)
    hp, evaluation = tuning.fixed(result.best), evaluation_of(problem, problem[0].validation)
    model = hypermodel.build(hp)
    history = hypermodel.fit(
        hp, model, batches(problem), callbacks=[evaluation], epochs=2, verbose=0
    )
    curve = history.history[hypermodel.objective.name]
    assert max(curve) == pytest.approx(result.score)
    assert curve[result.best_epoch - 1] == max(curve)
    evaluation.set_model(tuner.get_best_models()[0])
    assert evaluation.evaluate()["ndcg_at_10"] == pytest.approx(result.score)

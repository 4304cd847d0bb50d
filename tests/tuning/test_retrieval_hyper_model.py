"""The search space of retrievers: defaults, every hyper-parameter, composition, a small search."""

import pytest

from tfrs_ext import data, layers, losses, metrics, models, negatives, optimizers, tuning
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
        "embedding_dim": 64,
        "num_layers": 1,
        "hidden_units": 128,
        "dropout": 0.2,
        "temperature": 0.1,
        "temperature_kind": "fixed",
        "correction": "corrected_logq",
        "negatives": "in_batch",
        "optimizer": "adam",
        "adam_learning_rate": 2e-3,
        "batch_size": 1024,
    }


def test_without_facts_nothing_is_varied_that_needs_them(hypermodel):
    bare = tuning.RetrievalHyperModel(hypermodel.query_features, hypermodel.candidate_features)
    hp = tuning.fixed({})
    model = bare.build(hp)
    assert not {"correction", "negatives", "num_negatives"} & set(hp.values)
    assert isinstance(model.task._loss, losses.SampledSoftmax)
    assert model.task._loss.correction is None


@pytest.mark.parametrize(
    ("values", "read", "expected"),
    [
        ({"embedding_dim": 16}, lambda m: m.get_config()["embedding_dim"], 16),
        ({"num_layers": 2, "hidden_units": 64}, lambda m: m.get_config()["hidden_units"], [64, 64]),
        ({"num_layers": 0}, lambda m: m.get_config()["hidden_units"], []),
        ({"dropout": 0.2}, lambda m: m.get_config()["dropout"], 0.2),
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
        ({"correction": "logq"}, lambda m: m.task._loss.correction, "logq"),
        ({"correction": "none"}, lambda m: m.task._loss.correction, None),
        ({"negatives": "in_batch"}, lambda m: type(m.task._negatives), negatives.InBatch),
        (
            {"negatives": "mixed", "num_negatives": 256},
            lambda m: [getattr(s, "num_negatives", "batch") for s in m.task._negatives.sources],
            ["batch", 256],
        ),
        (
            {"optimizer": "adagrad", "learning_rate": 0.5},
            lambda m: (type(m.optimizer), float(m.optimizer.learning_rate)),
            (keras.optimizers.Adagrad, 0.5),
        ),
        (
            {"optimizer": "adam", "adam_learning_rate": 0.002},
            lambda m: (type(m.optimizer), float(m.optimizer.learning_rate)),
            (optimizers.LazyAdam, pytest.approx(0.002)),
        ),
    ],
)
def test_every_hyper_parameter_reaches_the_model(values, read, expected, hypermodel):
    assert read(hypermodel.build(tuning.fixed(values))) == expected


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
        model = models.TwoTower(*sides, embedding_dim=dim, hidden_units=())
        model.compile(tuning.space.optimizer(hp))
        return model

    hp = tuning.fixed({"clipnorm": 0.5})
    model = Mine(hypermodel.query_features, hypermodel.candidate_features).build(hp)
    assert model.optimizer.clipnorm == 0.5
    assert {"clipnorm", "temperature", "embedding_dim"} <= set(hp.values)
    assert mine(tuning.fixed({"embedding_dim": 12})).get_config()["embedding_dim"] == 12


def evaluation_of(problem, part):
    split, features = problem
    queries = data.evaluation_queries(part, features, history_from=split.train)
    return metrics.RetrievalEvaluation(
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
        tuner, batches(problem), callbacks=callbacks, epochs=2, tell=lambda line: None
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

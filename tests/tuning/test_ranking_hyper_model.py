"""The search space of rankers: every model, hyper-parameter and objective, a small search."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tuning.draws import drawn, space_of
from tfrs_ext import metrics, models, optimizers, tuning
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, History, Numeric
from tfrs_ext.layers import Dice

ITEMS = tuple(range(10, 18))
FEATURES = (
    Categorical("user", tuple(range(6))),
    Categorical("item", ITEMS),
    History("clicks", ITEMS, length=3),
    Numeric("age", 30.0, 10.0),
)
FLAT = {"model", "hidden_units", "num_layers", "embedding_dim", "dropout", "activation"}
TRAINED = {"optimizer", "learning_rate", "weight_decay", "batch_size"}


def rows(number=64, seed=0):
    rng = np.random.default_rng(seed)
    columns = {
        "user": rng.integers(0, 6, number),
        "item": rng.choice(ITEMS, number),
        "clicks": rng.choice([-1, *ITEMS], (number, 3)),
        "age": rng.normal(30, 10, number).astype(np.float32),
    }
    return columns, rng.integers(0, 2, number).astype(np.float32)


def batches(size, seed=0):
    return tf.data.Dataset.from_tensor_slices(rows(seed=seed)).batch(size)


def hypermodel(model=None, **kwargs):
    return tuning.RankingHyperModel(FEATURES, "item", "user", model, **kwargs)


def defaults(**kwargs):
    hp, hyper = tuning.fixed({}), hypermodel(**kwargs)
    hyper.declare_hyperparameters(hp)
    return hyper.build(hp), hp.values


@pytest.mark.parametrize(
    ("name", "kind", "own"),
    [
        ("dnn", models.DCN, set()),
        ("dcn", models.DCN, {"cross_layers"}),
        ("dcn_v2", models.DCN, {"cross_layers", "structure", "low_rank"}),
        ("dcn_mix", models.DCN, {"cross_layers", "structure", "projection_dim", "num_experts"}),
        ("wide_deep", models.WideDeep, set()),
        ("din", models.DIN, {"attention_units", "interaction", "use_softmax", "history_product"}),
        ("dien", models.DIEN, {"variant", "auxiliary_weight"}),
    ],
)
def test_a_named_model_varies_its_own_arguments_and_no_others(name, kind, own):
    model, values = defaults(model=name)
    assert type(model) is kind
    assert model.name == name
    assert set(values) == FLAT | TRAINED | own


def test_neumf_reads_the_user_and_the_item_alone():
    model, values = defaults(model="neumf")
    assert [feature.name for feature in model.features] == ["user", "item"]
    assert set(values) == {"model", "hidden_units", "num_layers", "factors"} | TRAINED


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dnn", {"cross_layers": 0}),
        ("dcn", {"cross_layers": 3, "parameterization": "vector", "structure": "parallel"}),
        ("dcn_v2", {"projection_dim": None, "num_experts": None, "structure": "stacked"}),
        ("dcn_mix", {"projection_dim": 16, "num_experts": 4}),
        ("din", {"attention_units": (80, 40), "interaction": "difference", "use_softmax": False}),
        ("dien", {"variant": "AUGRU", "auxiliary_weight": 1.0}),
    ],
)
def test_the_defaults_are_the_models_own(name, expected):
    config = defaults(model=name)[0].get_config()
    assert {key: config[key] for key in expected} == expected
    assert config["hidden_units"] == (256, 128)
    assert (config["embedding_dim"], config["dropout"]) == (32, 0.0)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("dcn_v2", {"cross_layers": 2, "structure": "parallel"}, {"structure": "parallel"}),
        (
            "dcn_v2",
            {"low_rank": True, "projection_dim": 8},
            {"projection_dim": 8, "num_experts": None},
        ),
        ("dcn_mix", {"projection_dim": 8, "num_experts": 2}, {"num_experts": 2}),
        ("dnn", {"hidden_units": 64, "num_layers": 3}, {"hidden_units": (64, 32, 16)}),
        ("dnn", {"embedding_dim": 8, "dropout": 0.3}, {"embedding_dim": 8, "dropout": 0.3}),
        ("din", {"attention_units": 20}, {"attention_units": (20, 10)}),
        ("din", {"interaction": "outer", "use_softmax": True}, {"interaction": "outer"}),
        ("din", {"history_product": True}, {"history_product": True}),
        ("dien", {"variant": "AGRU", "auxiliary_weight": 0.0}, {"variant": "AGRU"}),
        ("neumf", {"factors": 16}, {"factors": 16}),
    ],
)
def test_every_hyper_parameter_reaches_the_model(name, values, expected):
    config = hypermodel(name).build(tuning.fixed(values)).get_config()
    assert {key: config[key] for key in expected} == expected


@pytest.mark.parametrize("name", ["din", "dnn"])
def test_dice_or_not_is_a_choice_whose_default_is_the_papers(name):
    chosen = {
        value: hypermodel(name).build(tuning.fixed({"activation": value}))
        for value in ("relu", "dice")
    }
    chosen["default"] = defaults(model=name)[0]
    has_dice = {
        value: isinstance(model.deep.activations[0], Dice) for value, model in chosen.items()
    }
    assert has_dice == {"relu": False, "dice": True, "default": name == "din"}


def test_all_models_that_the_features_allow_are_searched_by_default():
    def names(features, *ids):
        return set(tuning.RankingHyperModel(features, *ids).models)

    flat = {"dnn", "dcn", "dcn_v2", "dcn_mix", "wide_deep", "dlrm"}
    assert names(FEATURES) == flat
    assert names(FEATURES, "item") == flat | {"din", "dien"}
    assert names(FEATURES, "item", "user") == set(models.RANKERS)
    assert names(FEATURES[:2], "item", "user") == flat | {"neumf"}
    assert defaults()[0].name == "dcn_v2"


def test_the_first_trial_shows_the_whole_space():
    hp = tuning.HyperParameters()
    hypermodel(("din", "dcn_mix")).build(hp)
    known = {parameter.name for parameter in hp.space}
    assert {"attention_units", "num_experts", "projection_dim"} <= known
    assert "num_experts" not in hp.values


def test_a_low_rank_has_a_rank_that_moves_with_the_model_to_the_experts():
    hp = space_of(hypermodel(("dcn_v2", "dcn_mix")))
    for model, low_rank, expected in [
        ("dcn_v2", False, {"low_rank"}),
        ("dcn_v2", True, {"low_rank", "projection_dim"}),
        ("dcn_mix", False, {"projection_dim", "num_experts"}),
    ]:
        hp.values.update(model=model, low_rank=low_rank)
        hp.ensure_active_values()
        assert {"low_rank", "projection_dim", "num_experts"} & set(hp.values) == expected


def test_a_rank_never_exceeds_the_width_of_the_features():
    few = [Categorical("item", ITEMS), Numeric("age")]
    for features, ranks in [(few, [8]), (few[1:], [1])]:
        hp = tuning.HyperParameters()
        tuning.RankingHyperModel(features, model="dcn_mix").build(hp)
        (rank,) = (parameter for parameter in hp.space if parameter.name == "projection_dim")
        assert list(rank.values) == ranks


def test_crosses_reach_wide_and_deep():
    model, _ = defaults(model="wide_deep", arguments={"wide_deep": {"crosses": [("user", "item")]}})
    assert model.crosses == (("user", "item"),)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_every_point_of_the_space_trains(seed):
    hyper = hypermodel()
    model = hyper.build(drawn(space_of(hyper), seed))
    (batch,) = batches(64)
    assert np.isfinite(model.train_step(batch)["loss"])
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("size", [16, 40])
def test_training_batches_have_the_size_asked_for(size):
    class Model:
        def fit(self, train, **kwargs):
            return [len(label) for _, label in train]

    for train in (batches, batches(7)):
        fitted = hypermodel("dnn").fit(tuning.fixed({"batch_size": size}), Model(), train)
        assert fitted == [size] * (64 // size) + ([64 % size] if 64 % size else [])


def fitted(hyper, **kwargs):
    hp = tuning.fixed({"hidden_units": 32})
    model = hyper.build(hp)
    options = {"epochs": 2, "verbose": 0, "validation_data": batches(48, seed=1), **kwargs}
    return model, hyper.fit(hp, model, batches, **options)


def test_training_and_evaluation_report_the_auc_that_is_searched_for():
    hyper = hypermodel("dnn")
    model, history = fitted(hyper)
    assert hyper.objective.name == "val_auc"
    assert hyper.objective.direction == "max"
    evaluated = model.evaluate(batches(48, seed=1), verbose=0, return_dict=True)
    assert history.history[hyper.objective.name][-1] == pytest.approx(evaluated["auc"])


def test_training_reports_the_gauc_that_is_searched_for_before_other_callbacks_ask():
    seen = []

    class Reads(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs[hyper.objective.name])

    hyper = hypermodel("dnn", metric="gauc")
    model, history = fitted(hyper, callbacks=[Reads()])
    assert history.history["val_gauc"] == seen
    columns, labels = rows(seed=1)
    gauc = metrics.GAUC()
    gauc.update_state(labels, model(columns), columns["user"])
    assert seen[-1] == pytest.approx(float(gauc.result()))
    assert seen[0] != seen[-1]


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ({"metric": "loss"}, "`metric` must be one of"),
        ({"metric": "gauc", "user_id": None}, "`user_id` be given for 'gauc'"),
        ({"model": "dcm"}, "`model` must be out of"),
        ({"model": "din", "item_id": None}, "'din' needs a `Categorical` with the item's id"),
        (
            {"model": ("neumf",), "user_id": None},
            "'neumf' needs a `Categorical` with the user's id",
        ),
        ({"model": ()}, "`model` must be out of"),
        ({"metric": "gauc", "user_id": "nobody"}, "`user_id` must be the name of a column"),
        ({"arguments": {"wide": {}}}, r"`arguments` must be of models out of .*\['wide'\]"),
    ],
)
def test_bad_arguments_are_named(kwargs, text):
    with pytest.raises(ValueError, match=text):
        tuning.RankingHyperModel(FEATURES, **{"item_id": "item", "user_id": "user", **kwargs})


def test_the_optimizer_is_the_lazy_one():
    assert isinstance(defaults(model="dnn")[0].optimizer, optimizers.LazyAdam)


@pytest.mark.slow
def test_a_search_over_several_models_tries_each(tmp_path):
    hyper, hp = hypermodel(("dnn", "din")), tuning.HyperParameters()
    hp.Choice("model", list(hyper.models))
    tuner = tuning.GridSearch(
        hyper, hyper.objective, directory=tmp_path, hyperparameters=hp, tune_new_entries=False
    )
    options = {"validation_data": batches(64, seed=1), "epochs": 1}
    result = tuning.search(tuner, batches, print_fn=lambda line: None, **options)
    assert {row["values"]["model"] for row in result.trials} == {"dnn", "din"}
    assert result.best["model"] == result.trials[0]["values"]["model"]
    assert hyper.build(tuning.fixed(result.best)).name == result.best["model"]


def test_a_fixed_model_is_one_of_those_that_are_searched():
    with pytest.raises(
        ValueError, match=r"`model` must be one of \('dnn', 'dcn'\), received 'din'"
    ):
        hypermodel(("dnn", "dcn")).build(tuning.fixed({"model": "din"}))


def test_features_must_be_there():
    with pytest.raises(ValueError, match="`features` must hold one or more"):
        tuning.RankingHyperModel([])

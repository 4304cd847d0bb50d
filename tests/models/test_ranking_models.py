"""Models from raw columns to a probability."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.sweeps import mostly_slow
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, History, Numeric, Text
from tfrs_ext.layers import DINAttention
from tfrs_ext.metrics import GAUC
from tfrs_ext.models import DCN, DIEN, DIN, DLRM, NeuMF, RankingModel, WideDeep, YouTubeRanker
from tfrs_ext.optimizers import LazyAdam

ITEMS = tuple(range(10, 18))
USER, ITEM = Categorical("user", tuple(range(6))), Categorical("item", ITEMS)
CLICKS = History("clicks", ITEMS, length=4)
TITLE, AGE = Text("title", ("red", "blue")), Numeric("age", 30.0, 10.0)
FLAT = [USER, ITEM, TITLE, AGE]
SEQUENTIAL = [ITEM, CLICKS, AGE]
KIND = Categorical("kind", ("x", "y"))
SIDED = [*SEQUENTIAL, KIND, History("clicks_kind", ("x", "y"), length=4), History("buys", ITEMS, 2)]

MODELS = {
    "DCN-V2": lambda: DCN(FLAT, 4, hidden_units=(8,)),
    "DCN": lambda: DCN(FLAT, 4, 2, (8,), "parallel", "vector", dropout=0.1),
    "DCN-Mix": lambda: DCN(FLAT, 4, 2, (8,), projection_dim=2, num_experts=2, activation="dice"),
    "DNN": lambda: DCN(FLAT, 4, 0, (8,)),
    "CrossNet": lambda: DCN(FLAT, 4, 2, ()),
    "Wide & Deep": lambda: WideDeep(FLAT, [("user", "item")], 50, 4, (8,)),
    "NeuMF": lambda: NeuMF([USER, ITEM], 4, (8, 4)),
    "GMF": lambda: NeuMF([USER, ITEM], 4, branches=("gmf",)),
    "DLRM": lambda: DLRM(FLAT, 4, (8,), (8,)),
    "DLRM of ids": lambda: DLRM(FLAT[:3], 4, (), (8,), self_interaction=True),
    "DIN": lambda: DIN(SEQUENTIAL, "item", 4, (8,), (4,)),
    "DIN with code's choices": lambda: DIN(SEQUENTIAL, "item", 4, (8,), (4,), use_softmax=True),
    "DIN with product": lambda: DIN(
        SEQUENTIAL, "item", 4, (8,), (4,), activation="prelu", history_product=True
    ),
    "DIN alone": lambda: DIN(SEQUENTIAL[:2], "item", 4, (8,), (4,), interaction="outer"),
    "DIEN": lambda: DIEN(SEQUENTIAL, "item", 4, (8,)),
    "DIN with side information": lambda: DIN(SIDED, "item", 4, (8,), (4,), history_product=True),
    "DIEN with side information": lambda: DIEN(SIDED, "item", 4, (8,)),
    "DIEN with a network": lambda: DIEN(SEQUENTIAL, "item", 4, (8,), "AGRU", (3,)),
}


def columns(rows=64, seed=0):
    rng = np.random.default_rng(seed)
    clicks = rng.choice(ITEMS, (rows, 4))
    clicks[np.arange(4) < rng.integers(0, 5, (rows, 1))] = -1
    return {
        "user": rng.integers(0, 6, rows),
        "item": rng.choice(ITEMS, rows),
        "title": rng.choice(["red", "blue car", ""], rows),
        "age": rng.normal(30, 10, rows).astype(np.float32),
        "clicks": clicks,
        "kind": np.array(["x", "y"])[rng.integers(0, 2, rows)],
        "clicks_kind": np.where(clicks < 0, "", np.where(clicks % 2, "x", "y")),
        "buys": rng.choice(ITEMS, (rows, 2)),
        "unused": np.zeros(rows),
    }


def dataset(inputs, labels, batch=16):
    return tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(batch)


KINDS = mostly_slow(["DCN-Mix", "Wide & Deep", "NeuMF", "DIN", "DIEN"], ["DCN-Mix", "NeuMF"])
QUICK = ["DCN-V2", "DCN-Mix", "DNN", "Wide & Deep", "NeuMF", "GMF", "DIN"]


def assert_survives(model, path):
    inputs = columns()
    expected = model(inputs)
    assert expected.shape == [64, 1]
    assert expected.dtype == tf.float32
    model.save(path)
    np.testing.assert_allclose(keras.models.load_model(path)(inputs), expected, rtol=1e-5)


@pytest.mark.parametrize("name", mostly_slow(MODELS, lambda name: " " not in name))
def test_survives_json_and_keras_files(name, tmp_path):
    model = MODELS[name]()
    config = json.loads(json.dumps(model.get_config()))
    assert json.loads(json.dumps(type(model).from_config(config).get_config())) == config
    assert_survives(model, str(tmp_path / "model.keras"))


@pytest.mark.parametrize("name", KINDS)
def test_survives_as_saved_model(name, tmp_path):
    assert_survives(MODELS[name](), str(tmp_path / "saved_model"))


@pytest.mark.parametrize("name", mostly_slow(MODELS, QUICK))
def test_fits_and_predicts_row_by_row(name):
    model, inputs = MODELS[name](), columns()
    labels = (inputs["item"] % 2).astype(np.float32)
    model.compile(LazyAdam(0.05), "binary_crossentropy", ["AUC"])
    model.fit(dataset(inputs, labels), epochs=10, verbose=0)
    assert model.evaluate(dataset(inputs, labels), return_dict=True, verbose=0)["auc"] > 0.9
    one = {key: value[:1] for key, value in inputs.items()}
    np.testing.assert_allclose(model(one), model(inputs)[:1], rtol=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_trains_in_mixed_precision(name):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model, inputs = MODELS[name](), columns()
        model.compile("adam", "binary_crossentropy")
        model.fit(dataset(inputs, np.ones(64)), verbose=0)
        outputs = model(inputs)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert outputs.dtype == tf.float32
    assert np.isfinite(outputs).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", ["dcn", "youtube", "wide"])
def test_half_precision_sees_large_numbers_as_they_are(kind, policy):
    # 1.2e6 is infinite in float16, and the years 1995 and 1996 are one in bfloat16.
    numbers = [Numeric("price", 1e6, 1e5, (9e5, 1e6, 1.2e6, 2e6)), Numeric("year", 1986.0, 17.0)]
    makes = {
        "dcn": lambda: DCN(numbers, 4, hidden_units=(8,)),
        "youtube": lambda: YouTubeRanker(numbers[:1], 4, (8,)),
        "wide": lambda: WideDeep(numbers, (), 4, 4, (8,)),
    }
    inputs = {"price": np.array([1.2e6, 9e5]), "year": np.array([1995, 1996])}
    model = makes[kind]()
    keras.mixed_precision.set_global_policy(policy)
    try:
        half = makes[kind]()
        half.set_weights(model.get_weights())
        np.testing.assert_allclose(half(inputs), model(inputs), rtol=0.05)
        np.testing.assert_allclose(half.predict(inputs, verbose=0), model(inputs), rtol=0.05)
    finally:
        keras.mixed_precision.set_global_policy("float32")


def same_item(inputs):
    return np.any(inputs["clicks"] == inputs["item"][:, None], 1).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [DIN, DIEN])
def test_attention_learns_that_the_candidate_was_clicked_before(kind):
    train, test = columns(4000, 1), columns(1000, 2)
    model = kind([ITEM, CLICKS], "item", 8, (16,))
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", ["AUC"])
    model.fit(dataset(train, same_item(train), 100), epochs=6, verbose=0)
    pooled = DCN([ITEM, CLICKS], 8, 0, (16,))
    pooled.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", ["AUC"])
    pooled.fit(dataset(train, same_item(train), 100), epochs=6, verbose=0)
    scores = [
        m.evaluate(dataset(test, same_item(test)), return_dict=True, verbose=0)["auc"]
        for m in (model, pooled)
    ]
    assert scores[0] > 0.95
    assert scores[0] > scores[1]


@pytest.mark.slow
def test_wide_part_memorises_what_a_linear_model_cannot():
    inputs = columns(600)
    labels = ((inputs["user"] + inputs["item"]) % 2).astype(np.float32)
    scores = []
    for crosses in ([], [("user", "item")]):
        model = WideDeep([USER, ITEM], crosses, 5000, 2, ())
        model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", ["AUC"])
        model.fit(dataset(inputs, labels), epochs=5, verbose=0)
        scores.append(model.evaluate(dataset(inputs, labels), verbose=0, return_dict=True)["auc"])
    assert scores[0] < 0.8
    assert scores[1] > 0.99


def test_neumf_starts_between_its_pretrained_halves():
    def logit(model):
        p = model(columns()).numpy().astype(np.float64)
        return np.log(p / (1 - p))

    gmf, mlp = (NeuMF([USER, ITEM], 4, (8, 4), (branch,)) for branch in ("gmf", "mlp"))
    for part in (gmf, mlp):
        part.head.bias.assign([0.7])
    both = NeuMF([USER, ITEM], 4, (8, 4))
    both.pretrain(gmf, mlp, alpha=0.3)
    np.testing.assert_allclose(logit(both), 0.3 * logit(gmf) + 0.7 * logit(mlp), atol=1e-5)


def test_dien_draws_other_items_and_adds_its_loss_in_training_only():
    model = MODELS["DIEN"]()
    items = model.items.tables["item"]
    rows = items.lookup(tf.constant(columns(500)["clicks"]))
    drawn = items.others(rows)
    table = items.embedding.embeddings.numpy()
    same = np.all(drawn.numpy() == table[rows], -1)
    assert not same.any()
    assert {tuple(v) for v in drawn.numpy().reshape(-1, 4)} == {tuple(v) for v in table[2:]}
    for own in range(len(table)):  # Row 0 is padding, row 1 an unknown item.
        drawn = items.others(tf.fill([400], own)).numpy()
        others = [row for place, row in enumerate(table) if place not in (0, 1, own)]
        assert {tuple(vector) for vector in drawn} == {tuple(row) for row in others}
    model(columns(), training=False)
    assert model.losses == []
    model(columns(), training=True)
    assert len(model.losses) == 1


def test_din_treats_padding_as_no_behaviour():
    model, inputs = MODELS["DIN"](), columns(8)
    longer = {**inputs, "clicks": np.pad(inputs["clicks"], [[0, 0], [3, 0]], constant_values=-1)}
    np.testing.assert_allclose(model(longer), model(inputs), rtol=1e-6)


def test_din_sees_the_product_of_candidate_and_summed_history():
    model, inputs = DIN([ITEM, CLICKS], "item", 4, (), (4,), history_product=True), columns()
    items = model.items.tables["item"]
    table = {item: items(tf.constant([item]))[0][0].numpy() for item in ITEMS}
    totals = [sum((table[c] for c in row if c != -1), np.zeros(4)) for row in inputs["clicks"]]
    products = np.stack([table[i] for i in inputs["item"]]) * totals
    seen = model.hidden(inputs, training=False)  # Without hidden layers the input passes.
    np.testing.assert_allclose(seen[:, -8:], np.concatenate([totals, products], 1), rtol=1e-5)


def test_din_takes_several_histories():
    buys = History("buys", ITEMS, length=2)
    model = DIN([ITEM, CLICKS, buys], "item", 4, (8,), (4,))
    inputs = {**columns(), "buys": np.full([64, 2], 12)}
    assert model(inputs).shape == [64, 1]
    assert [type(a) for a in model.attentions] == [DINAttention] * 2


def test_side_information_is_put_beside_the_ids():
    model, inputs = MODELS["DIN with side information"](), columns(8)
    ids, kinds = (model.items.tables[name] for name in ("item", "kind"))
    _, (clicks, buys) = model.items({k: tf.constant(v) for k, v in inputs.items()})
    np.testing.assert_array_equal(clicks.mask, inputs["clicks"] != -1)
    parts = [ids(tf.constant(inputs["clicks"]))[0], kinds(tf.constant(inputs["clicks_kind"]))[0]]
    np.testing.assert_array_equal(clicks.keys, tf.concat(parts, -1))
    own = [ids(tf.constant(inputs["item"]))[0], kinds(tf.constant(inputs["kind"]))[0]]
    np.testing.assert_array_equal(clicks.candidate, tf.concat(own, -1))
    assert buys.keys.shape == [8, 2, 4]
    np.testing.assert_array_equal(buys.candidate, own[0])


def test_dien_follows_every_history():
    model, inputs = MODELS["DIEN with side information"](), columns(8)
    model(inputs, training=True)
    assert len(model.losses) == 2
    before = model(inputs)
    for name in ("clicks", "clicks_kind", "buys"):
        other = {**inputs, name: np.roll(inputs[name], 1, axis=0)}
        assert np.any(model(other) != before), name


@pytest.mark.parametrize("make", mostly_slow([DIN, DIEN], [DIN]))
def test_unknown_items_learn(make):
    item = Categorical("item", ITEMS, unknown_rate=0.5, num_hash_buckets=3)
    model, inputs = make([item, CLICKS], "item", 4, (8,)), columns(64)
    table = model.items.tables["item"].embedding.embeddings
    before = table.numpy()
    model.compile("sgd", "binary_crossentropy")
    model.fit(dataset(inputs, inputs["item"] % 2), epochs=3, verbose=0)
    changed = np.any(table.numpy() != before, axis=1)
    assert changed[1:].all()  # Row 0 is padding.
    unknown = [99, 100, 101, 102]
    rows = model.items.tables["item"].lookup(tf.constant(unknown, tf.int64)).numpy()
    assert rows.tolist() == [1 + value % 3 for value in unknown]


@pytest.mark.parametrize("embedding_dim", [1, 4])
def test_numbers_stay_numbers_however_wide_embeddings_are(embedding_dim):
    model = DLRM([USER, AGE], embedding_dim, (2,), ())
    assert model.numbers is not None
    assert len(model.encoders) == 1


def test_dlrm_is_the_products_of_the_embeddings():
    model, inputs = DLRM(FLAT, 4, (8,), ()), columns(8)
    x = model.bottom(model.numbers(inputs)).numpy()
    rows = [x, *(encoder(inputs).numpy() for encoder in model.encoders)]
    products = [np.sum(rows[i] * rows[j], 1) for i in range(4) for j in range(i)]
    expected = np.concatenate([x, np.stack(products, 1)], 1)
    np.testing.assert_allclose(model.hidden(inputs, training=False), expected, rtol=1e-5)


def test_without_an_output_activation_numbers_are_learnt():
    inputs = columns()
    ratings = 1.0 + inputs["item"] % 5
    model = DCN(FLAT, 4, 1, (8,), output_activation=None)
    model.compile(LazyAdam(0.05), "mse")
    model.fit(dataset(inputs, ratings), epochs=20, verbose=0)
    again = DCN.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again(inputs)[:, 0], ratings, atol=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DCN([], 4), "`features` must hold one or more"),
        (lambda: DCN(["user", "item"]), r"`features` must be a list of features.*received 'user'"),
        (lambda: DCN({"user": USER}), r"`features` must be a list of features.*received 'user'"),
        (lambda: DCN(USER), "`features` must be a list of features.*received a `Categorical`"),
        (lambda: DCN(FLAT, hidden_units=8), r"`hidden_units` must be positive .* received 8"),
        (lambda: DCN(FLAT, activation="rleu"), "`activation` must be .* received 'rleu'"),
        (lambda: DCN(FLAT, cross_layers=-1), "`cross_layers` must be 0 or more"),
        (lambda: DIN(SEQUENTIAL, "item", attention_units=()), "`attention_units` must be positive"),
        (lambda: DIN(SEQUENTIAL, None), "`features` must hold a `Categorical` with the item's id"),
        (lambda: NeuMF([USER, ITEM], 0), "`factors` must be a positive integer"),
        (lambda: NeuMF([USER, ITEM], hidden_units=()), "`hidden_units` must be positive"),
        (lambda: WideDeep(FLAT, cross_bins=0), "`cross_bins` must be a positive integer"),
        (lambda: DCN(FLAT, structure="serial"), "`structure` must be one of"),
        (lambda: WideDeep(FLAT, [("user", "age")]), "`crosses` must be tuples"),
        (lambda: WideDeep(FLAT, [("user",)]), "`crosses` must be tuples"),
        (lambda: NeuMF([USER, AGE]), "`features` must be the user's"),
        (lambda: NeuMF([USER, ITEM], branches=("cnn",)), "`branches` must be out of"),
        (lambda: MODELS["NeuMF"]().pretrain(*[MODELS["GMF"]()] * 2), "`pretrain` must be called"),
        (lambda: DIN([ITEM, AGE], "item"), "`features` must hold a `History`; received columns"),
        (lambda: DIN([AGE, CLICKS], "item"), "`Categorical` with the item's id.*named 'item'"),
        (lambda: DIN([ITEM, History("h", (1, 2))], "item"), "the vocabulary of 'item'"),
        (
            lambda: DIN([*SIDED[:4], History("clicks_kind", ("x", "y"), 9)], "item"),
            "history 'clicks_kind' must hold values of 'kind' in the places of 'clicks'",
        ),
        (
            lambda: DIN([ITEM, CLICKS, History("b", ITEMS, padding=0)], "item"),
            "histories of 'item' must have one `padding`",
        ),
        (lambda: DLRM([USER]), "`features` must make two or more embeddings"),
    ],
)
def test_rejects_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["DCN-V2", "DIN"])
def test_rejects_a_batch_without_a_feature(name):
    model = MODELS[name]()
    with pytest.raises(ValueError, match=r"`inputs` must hold the columns \['age'\]"):
        model({key: value for key, value in columns().items() if key != "age"})


@pytest.mark.parametrize("where", ["metrics", "weighted_metrics"])
def test_compile_says_how_gauc_is_computed(where):
    with pytest.raises(ValueError, match=r"received `GAUC`.*`callbacks\.UserAUC"):
        MODELS["DNN"]().compile("adam", "mse", **{where: ["AUC", GAUC(10)]})


def test_labels_may_be_booleans():
    model, inputs = MODELS["DNN"](), columns(8)
    model.compile("sgd", "binary_crossentropy", ["AUC"])
    expected = model.evaluate(inputs, inputs["item"] / 17.0 >= 0.8, verbose=0)
    labels = (inputs["item"] / 17.0 >= 0.8).astype(np.float32)
    np.testing.assert_allclose(model.evaluate(inputs, labels, verbose=0), expected, rtol=1e-6)


@pytest.mark.parametrize("model", [DCN, DIEN, DIN, NeuMF, WideDeep])
def test_all_share_one_way_to_read_columns(model):
    assert issubclass(model, RankingModel)

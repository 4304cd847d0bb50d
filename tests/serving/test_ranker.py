import functools

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import models, serving
from tfrs_ext.features import Categorical, History, Numeric, Text
from tfrs_ext.ops import pair_scores
from tfrs_ext.serving import ranker
from tfrs_ext.serving.bundle import ranking_reader

USERS, ITEMS, LENGTH = 20, 30, 4
rng = np.random.default_rng(3)
ITEM_IDS = np.arange(ITEMS, dtype=np.int64) * 7
USER_COLUMNS = {
    "user-id": np.array([f"u{i}" for i in range(USERS)]),
    "age": rng.normal(40, 10, USERS).astype(np.float32),
    "clicks": rng.choice([-1, *ITEM_IDS], size=(USERS, LENGTH)).astype(np.int64),
}
ITEM_COLUMNS = {
    "item-id": ITEM_IDS,
    "title": np.array([f"{'red' if i % 2 else 'blue'} thing {i % 5}" for i in range(ITEMS)]),
}
TITLES = np.array([f"Nº {i}" for i in ITEM_IDS])
SEEN = [[int(i) for i in row if i >= 0] for row in USER_COLUMNS["clicks"]]


@functools.cache
def make_model():
    vocabulary = tuple(ITEM_IDS.tolist())
    features = [
        Categorical("user-id", tuple(USER_COLUMNS["user-id"].tolist())),
        Numeric("age", mean=40.0, std=10.0),
        History("clicks", vocabulary, length=LENGTH),
        Categorical("item-id", vocabulary),
        Text("title", ("blue", "red", "thing")),
    ]
    tf.keras.utils.set_random_seed(3)
    model = models.DIN(features, "item-id", embedding_dim=4, hidden_units=(8,))
    weights = [rng.normal(size=w.shape, scale=0.5) for w in model.trainable_variables]
    for weight, value in zip(model.trainable_variables, weights, strict=True):
        weight.assign(value)
    return model


def make_users(columns=USER_COLUMNS, **changes):
    return serving.Users(columns, **{"user_id": "user-id", "seen": SEEN, **changes})


def make_items(columns=ITEM_COLUMNS, **changes):
    arguments = {"item_id": "item-id", "fields": {"name": TITLES}, **changes}
    return serving.Items(columns, **arguments)


def publish(base, **changes):
    return serving.export_ranker(base, make_model(), make_users(), make_items(), **changes)


@pytest.fixture
def unverified(monkeypatch):
    result = serving.Verification(1, 1.0, 0.0)
    monkeypatch.setattr(ranker, "verify", lambda *args, **kwargs: result)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("models") / "ranker")


@functools.cache
def load(path):
    return tf.saved_model.load(str(path)).signatures


def probability(user, item, **changes):
    """What the model says about one pair, alone."""
    row, column = int(user[1:]), list(ITEM_IDS).index(item)
    columns = {name: values[row : row + 1] for name, values in USER_COLUMNS.items()}
    columns |= {name: values[column : column + 1] for name, values in ITEM_COLUMNS.items()}
    columns |= {name: np.array([value]) for name, value in changes.items()}
    return float(make_model()({name: tf.constant(v) for name, v in columns.items()})[0, 0])


def ranked(user, items):
    return sorted(items, key=lambda item: -probability(user, item))


def ask(path, name, user, items):
    inputs = {"user_id": tf.constant(user), "item_id": tf.constant(items, tf.int64)}
    return {key: value.numpy() for key, value in load(path)[name](**inputs).items()}


@pytest.mark.parametrize("name", ["rank", "serving_default"])
def test_items_of_the_request_come_back_best_first_with_their_probabilities(version, name):
    items = [[21, 7, 0, 203], [14, 28, 35, 203]]
    answer = ask(version, name, ["u3", "u11"], items)
    for row, user in enumerate(["u3", "u11"]):
        expected = ranked(user, items[row])
        assert answer["item_id"][row].tolist() == expected
        probabilities = [probability(user, item) for item in expected]
        np.testing.assert_allclose(answer["score"][row], probabilities, rtol=1e-5)
        assert answer["name"][row, 0].decode() == f"Nº {expected[0]}"


def test_items_that_the_catalogue_lacks_come_last(version):
    answer = ask(version, "rank", ["u3"], [[-1, 21, 10**9, 7]])
    assert answer["item_id"][0].tolist() == [*ranked("u3", [21, 7]), -1, -1]
    assert answer["score"][0, 2:].tolist() == [tf.float32.min] * 2
    assert answer["name"][0, 2:].tolist() == [b""] * 2


def test_user_that_the_table_lacks_is_scored_with_the_defaults(version):
    answer = ask(version, "rank", ["nobody"], [[21, 7]])
    changes = {"user-id": "nobody", "age": np.float32(40), "clicks": [-1] * LENGTH}
    expected = sorted((probability("u0", item, **changes) for item in (21, 7)), reverse=True)
    np.testing.assert_allclose(answer["score"][0], expected, rtol=1e-5)


@pytest.mark.parametrize(("users", "items"), [(0, 3), (2, 0), (0, 0)])
def test_empty_requests_have_empty_answers(version, users, items):
    inputs = {
        "user_id": tf.constant(["u1"] * users, tf.string, shape=(users,)),
        "item_id": tf.zeros([users, items], tf.int64),
    }
    assert load(version)["rank"](**inputs)["score"].shape == (users, items)


def test_long_requests_are_scored_in_blocks_with_the_same_result(tmp_path, unverified, monkeypatch):
    monkeypatch.setattr(pair_scores.score_pairs, "__defaults__", (7, None))
    path = publish(tmp_path)
    items = ITEM_IDS[:10]
    answer = ask(path, "rank", ["u3", "u4", "u5"], [items] * 3)
    for row, user in enumerate(["u3", "u4", "u5"]):
        assert answer["item_id"][row].tolist() == ranked(user, items)


def test_score_takes_the_columns_of_the_model(version):
    columns = {name: values[:5] for name, values in USER_COLUMNS.items()}
    columns |= {name: values[:5] for name, values in ITEM_COLUMNS.items()}
    inputs = {name.replace("-", "_"): tf.constant(values) for name, values in columns.items()}
    expected = [probability(f"u{i}", item) for i, item in enumerate(ITEM_IDS[:5])]
    np.testing.assert_allclose(load(version)["score"](**inputs)["score"], expected, rtol=1e-5)


def test_recommend_ranks_the_catalogue_without_seen_and_excluded_items(version):
    best = ranked("u6", [item for item in ITEM_IDS if item not in SEEN[6]])
    inputs = {"user_id": tf.constant(["u6"]), "k": tf.constant(4)}
    exclusions = tf.constant([[best[1], -1]], tf.int64)
    answer = load(version)["recommend"](**inputs, exclusions=exclusions)
    assert answer["item_id"].numpy()[0].tolist() == [best[0], *best[2:5]]


def test_large_catalogues_have_no_recommend(tmp_path, unverified):
    path = publish(tmp_path, recommend_up_to=ITEMS - 1)
    assert set(load(path)) == {"rank", "serving_default", "score"}


@pytest.mark.slow
def test_fresh_process_without_the_package_ranks_in_the_way_of_the_server(version):
    inputs = {"user_id": ["u9"], "item_id": [[0, 7, 14]]}
    answer = serving.query_fresh(version, inputs, "rank", through="session")
    assert answer["item_id"][0].tolist() == ranked("u9", [0, 7, 14])


def test_manifest_and_warmup_cover_the_signatures(version):
    manifest = serving.read_manifest(version)
    assert manifest["kind"] == "ranker"
    assert manifest["fingerprint"] == serving.fingerprint(version)
    assert (manifest["items"], manifest["users"], manifest["verified_on"]) == (30, 20, 20)
    assert set(manifest["signatures"]) == set(load(version))
    assert {name for name, _ in serving.read_warmup(version)} == set(load(version))
    assert not (version / "batching_params.pbtxt").exists()  # Rows of any length can't be joined.


@pytest.mark.slow
def test_bundle_that_answers_otherwise_is_not_published(tmp_path, monkeypatch):
    """As when a table in the bundle is out of order."""
    rightly = ranking_reader.RankingReader.pairs
    monkeypatch.setattr(
        ranking_reader.RankingReader,
        "pairs",
        lambda self, u, i, rows: rightly(self, u, i, rows[:, ::-1]),
    )
    with pytest.raises(serving.VerificationError, match="other scores"):
        publish(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("users", "items", "message"),
    [
        ({"age": [1.0]}, ITEM_COLUMNS, "`users` must hold the ids, column 'user-id'"),
        (USER_COLUMNS, {"title": ["a"]}, "`items` must hold the ids, column 'item-id'"),
        (USER_COLUMNS, {"item-id": [1], "age": [1.0]}, r"received both \['age'\]"),
        (USER_COLUMNS, {"item-id": [1]}, r"\['title'\] are missing"),
    ],
)
def test_columns_that_do_not_fit_are_refused_with_the_reason(tmp_path, users, items, message):
    with pytest.raises(ValueError, match=message):
        serving.export_ranker(
            tmp_path / "m", make_model(), make_users(users), make_items(items, fields=None)
        )
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"name": ["a"]}}, "equal length"),
        ({"tags": [["a"]] * ITEMS}, "a ranker must have none"),
    ],
)
def test_items_that_do_not_fit_are_refused_with_the_reason(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        serving.export_ranker(tmp_path / "m", make_model(), make_users(), make_items(**changes))
    assert not (tmp_path / "m").exists()


def test_requests_bring_the_moment_along(tmp_path, unverified):
    features = [*make_model().features, Numeric("hour", 12.0, 6.0)]
    model = models.DIN(features, "item-id", embedding_dim=4, hidden_units=(8,))
    context = {"hour": np.float32([3, 20]), "clicks": USER_COLUMNS["clicks"][:3]}
    with pytest.raises(ValueError, match=r"`users.context` must hold columns of equal length"):
        serving.export_ranker(tmp_path, model, make_users(context=context), make_items())
    context["clicks"] = context["clicks"][:2]
    path = serving.export_ranker(tmp_path, model, make_users(context=context), make_items())
    assert serving.read_manifest(path)["context"] == ["hour", "clicks"]
    live = [[7, 7, 14, 0], [-1] * LENGTH]
    inputs = {"user_id": tf.constant(["u3", "u4"]), "hour": tf.constant([5.0, np.nan])}
    items = [21, 7, 0]
    answer = load(path)["rank"](
        **inputs, clicks=tf.constant(live, tf.int64), item_id=tf.constant([items] * 2, tf.int64)
    )
    for row, (user, hour, clicks) in enumerate(
        [(3, 5.0, live[0]), (4, 12.0, USER_COLUMNS["clicks"][4])]
    ):
        columns = {
            "user-id": [f"u{user}"] * 3,
            "age": [USER_COLUMNS["age"][user]] * 3,
            "clicks": [clicks] * 3,
            "hour": np.float32([hour] * 3),
            "item-id": items,
            "title": [ITEM_COLUMNS["title"][item // 7] for item in items],
        }
        scores = model({name: tf.constant(np.array(v)) for name, v in columns.items()})[:, 0]
        order = np.argsort(-scores.numpy(), kind="stable")
        assert answer["item_id"].numpy()[row].tolist() == [items[i] for i in order]
        np.testing.assert_allclose(answer["score"][row], scores.numpy()[order], rtol=1e-5)
    wrong = {"hour": np.float32([3]), "mood": np.float32([1])}
    with pytest.raises(ValueError, match=r"must hold columns that the model reads.*'mood'"):
        serving.export_ranker(tmp_path, model, make_users(context=wrong), make_items())
    short = {"hour": np.float32([3]), "clicks": USER_COLUMNS["clicks"][:1, 1:]}
    with pytest.raises(ValueError, match=r"must hold 'clicks' as `users.columns` do"):
        serving.export_ranker(tmp_path, model, make_users(context=short), make_items())

"""Exports without a table of users, with odd names, and with arguments that do not fit."""

import dataclasses
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conftest import make_retriever
from tfrs_ext import serving
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, History, Numeric
from tfrs_ext.indexes import Exact
from tfrs_ext.serving import retriever_draft


@dataclasses.dataclass
class Skipped:
    """Stands for the fresh process, which other tests wait for."""

    queries: int = 0
    recall: float = 1.0


@pytest.fixture
def unverified(monkeypatch):
    monkeypatch.setattr(retriever_draft, "verify", lambda *args, **kwargs: Skipped())


class FeatureTower(keras.Model):
    """A subclassed tower that says what it reads, as `models.Tower` does."""

    features = (
        Categorical("user id", (1, 2, 3)),
        History("history", (7, 8, 9), length=2),
        Numeric("age", mean=30.0),
    )

    def __init__(self):
        super().__init__()
        self.known = keras.layers.IntegerLookup(vocabulary=[1, 2, 3])
        self.embedding = keras.layers.Embedding(4, 3, "normal")

    def call(self, inputs, training=None):
        history = tf.cast(tf.reduce_sum(inputs["history"], axis=1), tf.float32)
        other = tf.stack([history, inputs["age"], 0 * history], axis=1)
        return self.embedding(self.known(inputs["user id"])) + other / 10


def test_tower_that_names_its_features_gets_those_and_their_defaults(tmp_path, unverified):
    tower, candidates = FeatureTower(), np.eye(3, dtype=np.float32)
    users = {
        "user id": [1, 2, 3],
        "history": [[7, 8], [-1, 9], [-1, -1]],
        "age": [20.0, 30.0, 70.0],
        "unread": ["a", "b", "c"],
    }
    path = serving.export(
        tmp_path,
        tower,
        candidates,
        serving.Items(
            {"movie id": ["a", "b", "c"]},
            item_id="movie id",
            fields={"release year": [1990, 2000, 2010]},
        ),
        users=serving.Users(users, user_id="user id", seen=[["a"], [], ["nowhere"]]),
        k=2,
    )
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    answer = signature(user_id=tf.constant([1, 3, 99], tf.int64))
    assert set(answer) == {"movie_id", "score", "release_year"}
    for row, (user, history, age) in enumerate(
        [(1, [7, 8], 20.0), (3, [-1, -1], 70.0), (99, [-1, -1], 30.0)]
    ):
        features = {"user id": [user], "history": [history], "age": [age]}
        scores = tower({name: tf.constant(v) for name, v in features.items()}).numpy()[0]
        best = [i for i in np.argsort(-scores) if not (user == 1 and i == 0)][:2]
        assert answer["movie_id"][row].numpy().tolist() == [b"abc"[i : i + 1] for i in best]
        np.testing.assert_allclose(answer["score"][row], scores[best], rtol=1e-5)
        assert answer["release_year"][row].numpy().tolist() == [1990 + 10 * i for i in best]
    inputs = serving.read_manifest(path)["signatures"]["embed_user"]["inputs"]
    assert set(inputs) == {"user_id", "history", "age"}
    keys = {name: serving.read_manifest(path)[name] for name in ("user_id", "item_id")}
    assert keys == {"user_id": "user_id", "item_id": "movie_id"}


def test_without_users_requests_carry_the_features(tmp_path, unverified):
    retriever = make_retriever()
    queries = retriever.users
    path = serving.export(tmp_path, **retriever.arguments(users=None, queries=queries), k=5)
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    rows = {name: tf.constant(column[:3]) for name, column in queries.items()}
    answer = signature(**rows)
    scores = retriever.query_model(rows).numpy() @ retriever.candidates.T
    best = np.argsort(-scores)[:, :5]
    assert answer["item_id"].numpy().tolist() == retriever.item_ids[best].tolist()


def test_seen_items_stay_where_they_are_wanted(tmp_path, unverified):
    retriever = make_retriever()
    arguments = retriever.arguments(users=retriever.make_users(seen=None))
    path = serving.export(tmp_path, **arguments, k=40)
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    ids = signature(user_id=tf.constant(["u4"]))["item_id"].numpy()[0]
    assert sorted(ids) == sorted(retriever.item_ids)


def test_bundle_holds_no_keras_objects(tmp_path, unverified):
    path = serving.export(tmp_path, **make_retriever().arguments(), k=5)
    assert b"tf_keras" not in (path / "saved_model.pb").read_bytes()
    assert not (path / "keras_metadata.pb").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: {"users": None}, "Either `users` or `queries` must be given"),
        (lambda r: {"k": 0}, "`k` must be a positive integer, received k=0"),
        (lambda r: {"index": "annoy"}, "`kind` must be one of .*received kind='annoy'"),
        (lambda r: {"index": Exact().index(np.eye(8))}, "`index` must hold the ids of `items`"),
        (lambda r: {"candidates": np.full((40, 8), np.nan)}, "must be finite"),
        (lambda r: {"candidates": np.eye(8)}, r"embeddings \[C, D\] of the 40 items"),
        (lambda r: {"users": None, "queries": np.ones(3)}, "`queries` must map the names of col"),
        (lambda r: {"facts": {"loss": float("nan")}}, "what JSON can say, received loss=nan"),
        (lambda r: {"facts": {"model": object()}}, "what JSON can say, received model=<object"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(tmp_path, retriever, change, message):
    arguments = retriever.arguments(**{"index": "exact", **change(retriever)})
    with pytest.raises(ValueError, match=message):
        serving.export(tmp_path / "m", **arguments)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ({"user_id": [], "history": []}, {}, "at least one row"),
        ({"user_id": ["a"]}, {}, r"\['history'\] are missing"),
        (None, {"user_id": "name"}, "column 'name', received"),
        ([1, 2], {}, "`users` must map the names of columns .* received list"),
        (None, {"seen": [[1]]}, r"`users\.seen` must hold a row for each of the 60 users"),
        (None, {"seen": [["a"]] * 60}, r"`users\.seen` must hold item ids, which are int64"),
        (None, {"unknown": {"history": [1, 2]}}, "unknown user's 'history' must be int64 of"),
    ],
)
def test_users_that_do_not_fit_are_refused(tmp_path, retriever, columns, changes, message):
    def export():
        users = retriever.make_users(columns, **{"seen": None, **changes})
        serving.export(tmp_path / "m", **retriever.arguments(users=users))

    with pytest.raises(ValueError, match=message):
        export()
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ({"item id": np.zeros(40, np.int64)}, {}, "must be unique, received 1 more"),
        ({"item": [1]}, {}, "`items` must hold the ids, column 'item id'"),
        (None, {"fields": {"title": ["a"]}}, "`items.fields` must hold columns of equal length"),
        (None, {"fields": {"score": np.ones(40)}}, "names that differ"),
        (None, {"fields": {"item id": np.ones(40)}}, "must not hold the ids"),
        (None, {"tags": [["a"]]}, "one sequence for each of 40 items, received 1"),
        (None, {"tags": ["a"] * 40}, "received the string 'a': split it"),
        ({"item id": np.arange(-1, 39)}, {}, "`items` must not have the id -1"),
        ({"item id": ["", *"abcdefghij"]}, {"fields": None, "tags": None}, "not have the id ''"),
        (None, {"fields": {"price": [np.nan] * 40}}, "column 'price' in 40 of 40 rows"),
    ],
)
def test_items_that_do_not_fit_are_refused(tmp_path, retriever, columns, changes, message):
    def export():
        items = retriever.make_items(columns, **changes)
        serving.export(tmp_path / "m", **retriever.arguments(items=items))

    with pytest.raises(ValueError, match=message):
        export()
    assert not (tmp_path / "m").exists()


def test_a_column_with_the_name_of_another_input_is_refused(tmp_path, retriever):
    columns = {"k": retriever.users["user_id"], **retriever.users}
    users = retriever.make_users(columns, user_id="k", seen=None)
    with pytest.raises(ValueError, match=r"'recommend' would have two inputs called \['k'\]"):
        serving.export(tmp_path / "m", **retriever.arguments(users=users, index="exact"))


class AgedTower(keras.Model):
    def call(self, inputs, training=None):
        return tf.stack([inputs["age"], inputs["age"] ** 2], axis=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("argument", ["users", "queries"])
def test_user_with_a_number_that_is_none_is_named(tmp_path, bad, argument):
    columns = {"user_id": [4, 5, 6], "age": [20.0, bad, 40.0]}
    given = serving.Users(columns) if argument == "users" else columns
    items = serving.Items({"item_id": [1, 2]})
    message = f"`{argument}` must hold finite .* column 'age' in 1 of 3 rows, first in row 1"
    with pytest.raises(ValueError, match=message):
        serving.export(tmp_path / "m", AgedTower(), np.eye(2), items, **{argument: given})


def test_sequential_towers_take_the_only_column(tmp_path, unverified):
    """As the user and movie models of TFRS's tutorials are."""

    def make_model(ids):
        lookup = keras.layers.StringLookup(vocabulary=ids, mask_token=None)
        return keras.Sequential([lookup, keras.layers.Embedding(len(ids) + 1, 4, "normal")])

    user, item = make_model(["a", "b"]), make_model(["x", "y", "z"])
    users, items = serving.Users({"user_id": ["a", "b"]}), serving.Items({"item_id": list("xyz")})
    path = serving.export(tmp_path / "m", user, item, items, users=users, k=3)
    answer = tf.saved_model.load(str(path)).signatures["serving_default"](
        user_id=tf.constant(["b"])
    )
    scores = (user(tf.constant(["b"])) @ tf.transpose(item(tf.constant(list("xyz"))))).numpy()
    np.testing.assert_allclose(answer["score"], -np.sort(-scores), rtol=1e-5)
    users = serving.Users({"user_id": ["a", "b"], "age": [1.0, 2.0]})
    with pytest.raises(ValueError, match="`users` must hold one column for a Sequential model"):
        serving.export(tmp_path / "m", user, item, items, users=users)


def test_facts_may_hold_the_numbers_of_numpy(tmp_path, unverified, retriever):
    facts = {"auc": np.float32(0.5), "ks": np.array([1, 2])}
    path = serving.export(tmp_path, **retriever.arguments(), k=5, facts=facts)
    assert serving.read_manifest(path)["facts"] == {"auc": 0.5, "ks": [1, 2]}


def test_base_that_can_hold_no_versions_is_refused_before_anything_is_built(tmp_path, retriever):
    (tmp_path / "file").touch()
    for base, message in [
        (tmp_path / "file" / "m", "file is no folder"),
        (tmp_path / "a[b]", "which TensorFlow reads as patterns"),
    ]:
        with pytest.raises(ValueError, match=message):
            serving.export(base, None, None, None)


def test_fields_may_have_any_name_that_ids_and_scores_do_not_have(tmp_path, unverified, retriever):
    fields = {"candidates": np.arange(40.0), "item_ids": np.arange(40)}
    items = retriever.make_items(fields=fields)
    path = serving.export(tmp_path, **retriever.arguments(items=items), k=5)
    answer = tf.saved_model.load(str(path)).signatures["serving_default"](
        user_id=tf.constant(["u3"])
    )
    assert answer["item_id"].numpy().tolist() == retriever.expected(["u3"], 5)
    places = [retriever.item_ids.tolist().index(i) for i in answer["item_id"].numpy()[0]]
    assert answer["item_ids"].numpy()[0].tolist() == places
    assert answer["candidates"].numpy()[0].tolist() == places


KILLED = """
import sys, tfrs_ext
from tests.serving.conftest import make_retriever
from tfrs_ext import serving
from tfrs_ext.serving import retriever_draft
def hang(*args, **kwargs):
    print("exporting", flush=True)
    import time; time.sleep(300)
retriever_draft.verify = hang
serving.export(sys.argv[1], **make_retriever().arguments(), k=5)
"""


@pytest.mark.slow
def test_export_that_is_killed_leaves_no_version_and_the_next_one_works(tmp_path, unverified):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "exporting\n"
        (unfinished,) = tmp_path.iterdir()
        assert (unfinished / "saved_model.pb").exists()
        os.kill(child.pid, signal.SIGKILL)
    assert serving.list_versions(tmp_path) == []
    path = serving.export(tmp_path, **make_retriever().arguments(), k=5)
    assert [entry.name for entry in tmp_path.iterdir()] == ["1"]
    assert json.loads((path / "assets.extra" / "manifest.json").read_text())["k"] == 5


def test_empty_batches_and_items_without_tags_are_answered(tmp_path, unverified):
    retriever = make_retriever()
    arguments = retriever.arguments(items=retriever.make_items(tags=[[]] * 40))
    path = serving.export(tmp_path, **arguments, k=5)
    ask = tf.saved_model.load(str(path)).signatures["recommend_filtered"]

    def count(users, tags):
        tags = tf.constant([tags] * len(users), tf.string, shape=(len(users), len(tags)))
        answer = ask(
            user_id=tf.constant(users, tf.string, shape=(len(users),)),
            k=tf.constant(3),
            exclusions=tf.zeros([len(users), 0], tf.int64),
            allow=tags,
            deny=tags[:, :0],
            candidates=tf.zeros([len(users), 0], tf.int64),
        )
        return (answer["item_id"].numpy() >= 0).sum(axis=1).tolist()

    assert count(["u1", "u2"], [""]) == [3, 3]
    assert count(["u1", "u2"], []) == [3, 3]
    assert count(["u1"], ["x"]) == [0]
    assert count([], [""]) == []


@pytest.mark.slow
def test_quantized_index_is_served_with_stock_operations(tmp_path):
    retriever = make_retriever()
    path = serving.export(tmp_path, **retriever.arguments(), k=6, index="quantized")
    index = serving.read_manifest(path)["index"]
    assert (index["kind"], index["bits"]) == ("quantized", 8)
    assert 0.9 <= index["recall"] <= 1
    assert b"Scann" not in (path / "saved_model.pb").read_bytes()

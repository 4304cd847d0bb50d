"""Two stages as one SavedModel, against loops over the model's own answers."""

import functools
import pickle

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from tests.serving import test_ranker as ranking
from tfrs_ext import indexes, reranking, serving, stages
from tfrs_ext._keras import keras
from tfrs_ext.serving import two_stage
from tfrs_ext.serving.verification import agreement

USERS, ITEMS, IDS = ranking.USERS, ranking.ITEMS, ranking.ITEM_IDS
rng = np.random.default_rng(11)
TASTES = rng.normal(size=(USERS + 1, 4)).astype(np.float32)
VECTORS = rng.normal(size=(ITEMS, 4)).astype(np.float32)
COUNTS = np.arange(ITEMS)[::-1] // 2
TAGS = [["odd" if i % 2 else "even"] for i in range(ITEMS)]
BOOSTED = [int(IDS[3]), int(IDS[8])]


@functools.cache
def make_system():
    user = keras.Input((), dtype=tf.string, name="user-id")
    known = keras.layers.StringLookup(vocabulary=ranking.USER_COLUMNS["user-id"].tolist())
    table = keras.layers.Embedding(USERS + 1, 4, weights=[np.roll(TASTES, 1, axis=0)])
    tower = keras.Model({"user-id": user}, table(known(user)))
    tower.features = [f for f in ranking.make_model().features if f.name == "user-id"]
    factors = np.where(np.isin(IDS, BOOSTED), 1.5, 1.0)
    return stages.TwoStage(
        [
            stages.NearestItems(tower, indexes.Exact().index(VECTORS), 6),
            stages.PopularItems(COUNTS, 5),
        ],
        stages.ItemRanker(ranking.make_model(), ranking.ITEM_COLUMNS),
        [
            reranking.Exclude(),
            reranking.FilterTags(TAGS),
            reranking.Boost(factors, "new"),
            reranking.LimitGroups(np.arange(ITEMS) // 5, 2),
            reranking.CoolDown(0.5, half_life=7.0),
        ],
    )


def publish(base, system=None, **changes):
    arguments = {"users": ranking.make_users(), "items": ranking.make_items(), "k": 4, **changes}
    return serving.export_two_stage(base, system or make_system(), **arguments)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("models") / "shop")


def expected(user, k, exclusions=(), deny=(), shown=()):
    """Ids, scores and reasons by loops."""
    row = int(user[1:])
    banned = {*ranking.SEEN[row], *exclusions}
    order = np.argsort(-(VECTORS.astype(np.float64) @ TASTES[row]))
    near = [int(IDS[i]) for i in order if IDS[i] not in banned][:6]
    popular = [int(i) for i in IDS if i not in banned][:5]
    found = dict.fromkeys([*near, *popular])
    scores = {
        i: ranking.probability(user, i) * (1.5 if i in BOOSTED else 1) * 0.5 ** shown.count(i)
        for i in found
        if TAGS[i // 7][0] not in deny
    }
    lists, groups = [], {}
    unshown = {i: s / 0.5 ** shown.count(i) for i, s in scores.items()}
    for item in sorted(scores, key=lambda i: -unshown[i]):
        group = item // 7 // 5
        groups[group] = groups.get(group, 0) + 1
        if groups[group] <= 2:
            lists.append(item)
    lists = sorted(lists, key=lambda i: -scores[i])[:k]
    parts = (("tower", near), ("popular", popular), ("new", BOOSTED))
    reasons = [", ".join(name for name, part in parts if item in part) for item in lists]
    return lists, [scores[i] for i in lists], reasons


def check(answer, row, k, wanted):
    items, scores, reasons = wanted
    found = answer["item_id"][row].tolist()
    assert found == [*items, *[-1] * (k - len(items))]
    np.testing.assert_allclose(answer["score"][row][: len(items)], scores, rtol=1e-4)
    assert list(answer["reason"][row]) == [*reasons, *[""] * (k - len(items))]
    assert list(answer["name"][row][: len(items)]) == [f"Nº {item}" for item in items]


def test_user_ids_are_answered_in_a_fresh_process_without_the_package(version):
    users = ["u3", "u11"]
    answer = serving.query_fresh(version, {"user_id": [*users, "nobody"]}, through="session")
    for row, user in enumerate(users):
        check(answer, row, 4, expected(user, 4))
    assert np.all(answer["item_id"][2] >= 0)  # The table lacks them: popular items, at least.


def test_requests_exclude_deny_and_cool_down(version):
    best = expected("u5", 4)[0]
    inputs = {
        "user_id": tf.constant(["u5"]),
        "k": tf.constant(7),
        "exclusions": tf.constant([[best[0], -1]], tf.int64),
        "allow": tf.constant([[""]]),
        "deny": tf.constant([["odd"]]),
        "shown": tf.constant([[best[1], best[2]]], tf.int64),
        "days_since": tf.constant([[0.0, 0.0]]),
    }
    answer = tf.saved_model.load(str(version)).signatures["recommend"](**inputs)
    answer = {name: values.numpy() for name, values in answer.items()}
    answer |= {n: np.vectorize(bytes.decode)(answer[n]) for n in ("reason", "name")}
    check(answer, 0, 7, expected("u5", 7, best[:1], ["odd"], best[1:3]))


@pytest.mark.slow
def test_everybody_is_recommended_what_requests_are_answered(version, tmp_path):
    users = ranking.USER_COLUMNS["user-id"][:9]
    parts = serving.recommend_to_parquet(
        version, {"user_id": users}, tmp_path, k=3, batch_size=4, part_rows=5, print_fn=None
    )
    rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
    assert [row["user_id"] for row in rows] == users.tolist()
    for row in rows:
        items, scores, reasons = expected(row["user_id"], 3)
        assert row["item_id"] == items
        np.testing.assert_allclose(row["score"], scores, rtol=1e-4)
        assert row["reason"] == reasons
    sent = pickle.loads(pickle.dumps(serving.Recommender(version, k=3)))  # To another process.
    frames = (pd.DataFrame({"user_id": some}) for some in (users[:5], users[5:5], users[5:]))
    mapped = pd.concat(sent.map_frames(frames, batch_size=2))
    for row, (_, other) in zip(rows, mapped.iterrows(), strict=True):
        assert {name: np.asarray(other[name]).tolist() for name in row} == row
    with pytest.raises(ValueError, match="`k` must be a positive integer, received k=0"):
        serving.Recommender(version, k=0)
    with pytest.raises(ValueError, match=r"`requests` must hold the columns"):
        next(sent.map_frames(iter([pd.DataFrame({"who": users})])))
    with pytest.raises(ValueError, match=r"`requests` must hold the columns \['user_id'\]"):
        serving.recommend_to_parquet(version, {"who": users}, tmp_path / "other")


def test_manifest_and_warmup_cover_the_signatures(version):
    manifest = serving.read_manifest(version)
    assert manifest["kind"] == "two_stage"
    assert manifest["generators"] == {"tower": 6, "popular": 5}
    assert manifest["rules"][0] == "exclude"
    assert manifest["verified_on"] == 2 * USERS
    assert set(manifest["signatures"]) == {"serving_default", "recommend"}
    assert {name for name, _ in serving.read_warmup(version)} == set(manifest["signatures"])
    assert manifest["fingerprint"] == serving.fingerprint(version)


@pytest.mark.slow
def test_rules_that_choose_for_variety_are_exported(tmp_path, monkeypatch):
    monkeypatch.setattr(two_stage, "verify_places", lambda *args, **kwargs: 0)
    system = make_system()
    varied = stages.TwoStage(
        system.generators, system.ranker, [reranking.Determinantal(VECTORS, 0.3)]
    )
    path = publish(tmp_path, varied)
    loaded = tf.saved_model.load(str(path)).signatures["serving_default"]
    users = tf.constant(["u2", "u7"])
    bundle_columns = {n: tf.constant(v[[2, 7]]) for n, v in ranking.USER_COLUMNS.items()}
    seen = tf.constant([[*(i // 7 for i in ranking.SEEN[u]), *[-1] * 4][:4] for u in (2, 7)])
    here = varied(bundle_columns, seen, {}, 4)
    found = loaded(user_id=users)["item_id"].numpy() // 7
    np.testing.assert_array_equal(found, here.positions)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("item_id", lambda ids: ids[:, ::-1], "must answer 'serving_default' as the model"),
        ("item_id", lambda ids: ids[:, :2], "of shape"),
        ("reason", lambda reasons: reasons[:, ::-1], "another 'reason' in 2 places"),
        ("score", lambda scores: scores + 0.01, "another 'score' in 3 places"),
    ],
)
def test_a_bundle_that_answers_otherwise_is_found_out(monkeypatch, name, change, message):
    right = {
        "item_id": np.array([[1, 2, 3]]),
        "score": np.array([[0.3, 0.4, 0.1]]),
        "reason": np.array([[b"tower", b"", b"popular"]], object),
    }
    found = {**right, "reason": np.vectorize(bytes.decode, otypes=[object])(right["reason"])}
    request = serving.Request("serving_default", {"user_id": ["u1"]})
    names = {"item_id": "item_id", "score": "score"}
    monkeypatch.setattr(agreement, "query_all_fresh", lambda *_: [found])
    assert agreement.verify_places("nowhere", [request], [right], **names) == 1
    found[name] = change(found[name])
    with pytest.raises(serving.VerificationError, match=message):
        agreement.verify_places("nowhere", [request], [right], **names)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "`k` must be a positive integer"),
        ({"items": ranking.make_items(tags=[["a"]] * ITEMS)}, "give them to `reranking.Filter"),
        (
            {"items": ranking.make_items(fields={"reason": ["a"] * ITEMS})},
            "must not hold 'reason'",
        ),
        (
            {"items": ranking.make_items({"item-id": IDS[:3]}, fields=None)},
            "must be the 30 that the stages know",
        ),
        (
            {"users": ranking.make_users(context={"age": [30.0]})},
            r"`users.context` must be left away: .* received \['age'\]",
        ),
        (
            {
                "users": ranking.make_users(
                    {n: v for n, v in ranking.USER_COLUMNS.items() if n != "age"}
                )
            },
            r"\['age'\] are missing",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        publish(tmp_path / "m", **changes)
    assert not (tmp_path / "m").exists()

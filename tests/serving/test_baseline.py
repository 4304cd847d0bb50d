"""An exported baseline answers in other processes as it does here, by user and by history."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import baselines, serving

RNG = np.random.default_rng(0)
USERS, ITEMS = 30, 20
IDS = np.array([f"i{n}" for n in RNG.permutation(ITEMS)])
HISTORIES = [RNG.permutation(ITEMS)[: RNG.integers(1, 9)].tolist() for _ in range(USERS)]
GROUPS = np.array([["old", "young"][n % 2] for n in range(USERS)])
TAGS = [["even" if n % 2 == 0 else "odd"] for n in range(ITEMS)]


def _fit(name, **arguments):
    baseline = baselines.make_baseline(name, ITEMS, **arguments)
    histories = tf.ragged.constant(HISTORIES, dtype=tf.int64)
    return baseline.fit(histories, times=histories, groups=GROUPS)


def _tables(**changes):
    items = serving.Items({"sku": IDS}, item_id="sku", fields={"title": IDS}, tags=TAGS)
    users = {"user_id": np.arange(USERS), "age": GROUPS}
    return items, serving.Users(users, seen=[IDS[row] for row in HISTORIES], **changes)


@functools.cache
def load(path):
    return tf.saved_model.load(str(path))


def ask(path, name, **inputs):
    signature = load(path).signatures[name]
    specs = signature.structured_input_signature[1]
    inputs = {key: tf.constant(value, specs[key].dtype) for key, value in inputs.items()}
    return {key: value.numpy() for key, value in signature(**inputs).items()}


def _expected(baseline, history, k, excluded=(), tag=None, **groups):
    """Item ids by a plain loop over all scores."""
    scores = baseline(tf.ragged.constant([history], dtype=tf.int64), **groups).numpy()[0]
    order = np.argsort(-scores, kind="stable")
    left = [i for i in order if i not in {*history, *excluded}]
    return [IDS[i] for i in left if tag is None or tag in TAGS[i]][:k]


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    baseline = _fit("successors", latest=2)
    base = tmp_path_factory.mktemp("models") / "successors"
    return baseline, serving.export_baseline(base, baseline, *_tables(), k=5)


def _ids(answer):
    return [[item.decode() for item in row] for row in answer["sku"]]


def test_users_are_answered_by_their_histories(version):
    baseline, path = version
    answer = ask(path, "serving_default", user_id=[3, 0, 999])
    expected = [_expected(baseline, history, 5) for history in (HISTORIES[3], HISTORIES[0], [])]
    assert _ids(answer) == expected
    assert answer["title"].tolist() == answer["sku"].tolist()


def test_a_history_in_the_request_is_answered_like_a_user_s(version):
    baseline, path = version
    history = [*HISTORIES[4], 3]
    asked = [["", *IDS[history], "unheard of"]]
    answer = ask(path, "recommend_by_features", history=asked, k=7, exclusions=[[IDS[6]]])
    assert _ids(answer) == [_expected(baseline, history, 7, [6])]
    nobody = ask(path, "recommend_by_features", history=[[""]], k=3, exclusions=[[""]])
    assert _ids(nobody) == [_expected(baseline, [], 3)]


def test_an_appended_event_changes_the_answer(version):
    _, path = version
    first, second = (
        ask(path, "recommend_by_features", history=[IDS[row]], k=5, exclusions=[[""]])
        for row in (HISTORIES[4], [*HISTORIES[4], HISTORIES[5][0]])
    )
    assert first["score"].tolist() != second["score"].tolist()


def test_exclusions_and_filters_leave_items_out(version):
    baseline, path = version
    inputs = {"user_id": [2], "exclusions": [[IDS[1], ""]]}
    answer = ask(path, "recommend", **inputs, k=100)
    expected = _expected(baseline, HISTORIES[2], 100, [1])
    assert _ids(answer) == [expected + [""] * (ITEMS - len(expected))]
    filters = {"k": 4, "allow": [["odd"]], "deny": [[""]]}
    answer = ask(path, "recommend_filtered", **inputs, **filters, candidates=[[""]])
    expected = _expected(baseline, HISTORIES[2], 4, [1], "odd")
    assert _ids(answer) == [expected + [""] * (4 - len(expected))]
    some = [expected[1], "unheard of"]
    answer = ask(path, "recommend_filtered", **inputs, **filters, candidates=[some])
    assert _ids(answer) == [[expected[1], "", "", ""]]


def test_similar_items_are_what_follows_from_the_item_alone(version):
    baseline, path = version
    answer = ask(path, "similar_items", sku=[IDS[7], "unheard of"])
    scores = baseline(tf.constant([[7]])).numpy()[0]
    expected = [IDS[i] for i in np.argsort(-scores, kind="stable") if scores[i] > 0 and i != 7][:5]
    assert _ids(answer)[0] == expected + [""] * (5 - len(expected))
    assert _ids(answer)[1] == [""] * 5


def test_the_manifest_and_the_warm_up_tell_of_every_signature(version):
    _, path = version
    manifest = serving.read_manifest(path)
    assert manifest["kind"] == "baseline"
    assert manifest["baseline"]["class"] == "SuccessorBaseline"
    assert (manifest["baseline"]["latest"], manifest["verified_on"]) == (2, USERS)
    names = {name for name, _ in serving.read_warmup(path)}
    assert names == set(load(path).signatures) == set(manifest["signatures"])
    with pytest.raises(ValueError, match=r"that of a baseline in .*: call `export_baseline`"):
        serving.refresh(path.parent, tf.keras.Sequential(), tf.keras.Sequential(), _tables()[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*baselines.BASELINES])
def test_every_baseline_is_exported_and_verified(name, tmp_path):
    if name == "ials":
        pytest.importorskip("implicit", reason="the extra `ials` is missing")
    grouped = {"group": "age"} if name == "popularity_by_group" else {}
    path = serving.export_baseline(tmp_path, _fit(name, **grouped), *_tables(), k=5)
    assert serving.read_manifest(path)["verified_on"] == USERS


@pytest.mark.slow
def test_groups_come_from_the_table_or_from_the_request(tmp_path):
    baseline = _fit("popularity_by_group", group="age")
    path = serving.export_baseline(tmp_path, baseline, *_tables(), k=5, exclude_seen=False)
    answer = ask(path, "serving_default", user_id=[1, 999])
    for row, group in enumerate(["young", ""]):
        scores = baseline(tf.constant([[0]]), [group]).numpy()[0]
        assert _ids(answer)[row] == IDS[np.argsort(-scores, kind="stable")[:5]].tolist()
    inputs = {"history": [[""]], "age": ["young"], "k": 5, "exclusions": [[""]]}
    assert _ids(ask(path, "recommend_by_features", **inputs))[0] == _ids(answer)[0]


def test_what_does_not_fit_is_named(tmp_path):
    items, users = _tables()
    few = serving.Items({"sku": IDS[:3]}, item_id="sku")
    unseen = serving.Users({"user_id": np.arange(USERS)})
    baseline, grouped = _fit("item_to_item"), _fit("popularity_by_group")
    for arguments, message in (
        ((baseline, few, users), "`items` must be the 20 candidates of the baseline"),
        ((baseline, items, unseen), "`users.seen` must be given, because ItemToItemBaseline"),
        ((grouped, items, users), "`users` must hold the column 'group'"),
    ):
        with pytest.raises(ValueError, match=message):
            serving.export_baseline(tmp_path, *arguments)
    with pytest.raises(ValueError, match="`k` must be a positive integer"):
        serving.export_baseline(tmp_path, baseline, items, users, k=0)


@pytest.mark.slow
def test_a_bundle_that_answers_otherwise_is_not_published(tmp_path, monkeypatch):
    baseline = _fit("item_to_item")
    monkeypatch.setattr(
        type(baseline), "call", lambda self, histories, groups=None: self._shares()[None] * -1.0
    )
    original = type(baseline).search
    monkeypatch.setattr(
        type(baseline),
        "search",
        lambda self, *a, **k: (lambda s, p: (-s, p))(*original(self, *a, **k)),
    )
    with pytest.raises(serving.VerificationError):
        serving.export_baseline(tmp_path, baseline, *_tables(), k=5)
    assert list(tmp_path.iterdir()) == []

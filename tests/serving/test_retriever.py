import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conftest import make_retriever
from tests.sweeps import mostly_slow
from tfrs_ext import serving
from tfrs_ext.indexes import Exact


@pytest.fixture(scope="module", params=mostly_slow(["exact", "scann"], ["exact"]))
def version(request, tmp_path_factory):
    retriever = make_retriever()
    base = tmp_path_factory.mktemp("models") / request.param
    return retriever, serving.export(base, **retriever.arguments(), k=6, index=request.param)


@functools.cache
def load(path):
    return tf.saved_model.load(str(path))


def ask(path, name, **inputs):
    signature = load(path).signatures[name]
    specs = signature.structured_input_signature[1]
    inputs = {key: tf.constant(value, specs[key].dtype) for key, value in inputs.items()}
    return {key: value.numpy() for key, value in signature(**inputs).items()}


def test_default_answers_user_ids_with_unseen_items_titles_and_scores(version):
    retriever, path = version
    answer = ask(path, "serving_default", user_id=["u3", "u0"])
    assert answer["item_id"].tolist() == retriever.expected(["u3", "u0"], 6)
    assert answer["title"][0, 0].decode() == f"Titel № {answer['item_id'][0, 0]}"
    assert np.all(np.diff(answer["score"]) <= 0)


def test_fresh_process_without_the_package_answers_in_the_ways_of_python_and_of_the_server(version):
    retriever, path = version
    inputs = {"user_id": ["u9"]}
    requests = [serving.Request("serving_default", inputs, way) for way in ("load", "session")]
    for answer in serving.query_all_fresh(path, requests):
        assert answer["item_id"].tolist() == retriever.expected(["u9"], 6)
        assert answer["title"][0, 0] == f"Titel № {answer['item_id'][0, 0]}"


def test_warmup_covers_every_signature(version):
    _, path = version
    signatures = {name for name, _ in serving.read_warmup(path)}
    assert signatures == set(load(path).signatures)


def test_recommend_takes_any_k_and_exclusions(version):
    retriever, path = version
    best = retriever.expected(["u5"], 3)[0]
    answer = ask(path, "recommend", user_id=["u5"], k=4, exclusions=[[best[0], best[2], -1]])
    assert answer["item_id"].tolist() == retriever.expected(["u5"], 4, {best[0], best[2]})


def test_recommend_pads_where_few_items_remain(version):
    retriever, path = version
    most = retriever.item_ids[:-2][None]
    answer = ask(path, "recommend", user_id=["u5"], k=1000, exclusions=most)
    left = retriever.expected(["u5"], 100, set(most[0]))[0]
    padding = len(retriever.item_ids) - len(left)
    assert answer["item_id"][0].tolist() == left + [-1] * padding
    assert answer["title"][0].tolist()[len(left) :] == [b""] * padding
    assert np.all(np.isfinite(answer["score"]))


def test_unknown_user_gets_the_default_row_and_an_answer(version):
    retriever, path = version
    answer = ask(path, "serving_default", user_id=["nobody"])
    features = {"user_id": tf.constant(["nobody"]), "history": -tf.ones([1, 5], tf.int64)}
    query = retriever.query_model(features).numpy()
    order = np.argsort(-(query @ retriever.candidates.T))[0, :6]
    assert answer["item_id"][0].tolist() == retriever.item_ids[order].tolist()


def test_a_session_of_nobody_known_is_answered_by_its_features(version):
    retriever, path = version
    features = {"user_id": ["nobody"], "history": [[-1, -1, *retriever.item_ids[[4, 2, 7]]]]}
    answers = []
    for excluded in ([-1], retriever.item_ids[[4, 2, 7]]):
        asked = {**features, "exclusions": [excluded], "k": 6}
        answers.append(ask(path, "recommend_by_features", **asked)["item_id"][0].tolist())
        query = retriever.query_model({k: tf.constant(v) for k, v in features.items()}).numpy()
        order = retriever.item_ids[np.argsort(-(query @ retriever.candidates.T))[0]]
        expected = [item for item in order.tolist() if item not in set(np.ravel(excluded))]
        assert answers[-1] == expected[:6]


def test_embed_user_is_the_query_model(version):
    retriever, path = version
    features = {name: values[:4] for name, values in retriever.users.items()}
    answer = ask(path, "embed_user", **features)
    np.testing.assert_allclose(answer["embedding"], retriever.query_model(features), rtol=1e-5)


@pytest.mark.parametrize(
    ("allow", "deny", "passes"),
    [
        (["odd"], [""], lambda tags: "odd" in tags),
        (["", "by 3"], ["", ""], lambda tags: "by 3" in tags),
        ([""], ["even", "by 7"], lambda tags: not {"even", "by 7"} & set(tags)),
        (["odd", "by 2"], ["by 9"], lambda t: {"odd", "by 2"} & set(t) and "by 9" not in t),
        (["no such tag"], [""], lambda tags: False),
        ([], [], lambda tags: True),
    ],
)
def test_filtered_answers_hold_the_best_items_that_pass(version, allow, deny, passes):
    retriever, path = version
    (best,) = retriever.expected(["u8"], 1, passes=passes) or [[]]
    inputs = {"user_id": ["u8"], "exclusions": [best], "allow": [allow], "deny": [deny]}
    inputs["candidates"] = [[-1]]
    answer = ask(path, "recommend_filtered", **inputs, k=5)
    expected = retriever.expected(["u8"], 5, best, passes)[0]
    assert answer["item_id"][0].tolist() == expected + [-1] * (5 - len(expected))


def test_filters_of_a_batch_hold_for_each_row(version):
    retriever, path = version
    inputs = {"user_id": ["u1", "u2"], "exclusions": [[-1], [-1]], "k": 4}
    inputs.update(allow=[["odd"], ["even"]], deny=[[""]] * 2, candidates=[[-1]] * 2)
    answer = ask(path, "recommend_filtered", **inputs)
    for row, (user, tag) in enumerate([("u1", "odd"), ("u2", "even")]):
        expected = retriever.expected([user], 4, passes=lambda tags, tag=tag: tag in tags)[0]
        assert answer["item_id"][row].tolist() == expected


def test_answers_hold_allowed_items_alone(version):
    retriever, path = version
    ids = retriever.item_ids.tolist()
    listed = [[ids[3], 10**12, ids[4]], [-1, ids[0], -1], [-1, -1, -1], [10**12, -1, -1]]
    users = ["u1", "u2", "u3", "u4"]
    inputs = {"user_id": users, "exclusions": [[-1]] * 4, "k": 3, "candidates": listed}
    answer = ask(path, "recommend_filtered", **inputs, allow=[[""]] * 4, deny=[[""]] * 4)
    for row, user in enumerate(users):
        order = retriever.expected([user], len(ids))[0]
        allowed = set(ids if row == 2 else listed[row])
        expected = [item for item in order if item in allowed][:3]
        assert answer["item_id"][row].tolist() == expected + [-1] * (3 - len(expected))


def test_embed_item_is_the_item_model(version):
    retriever, path = version
    answer = ask(path, "embed_item", item_id=retriever.item_ids[:3])
    expected = retriever.item_model({"item id": retriever.item_ids[:3]})
    np.testing.assert_allclose(answer["embedding"], expected, rtol=1e-5)


def test_similar_items_are_others_and_an_unknown_item_has_none(version):
    retriever, path = version
    item = retriever.item_ids[7]
    answer = ask(path, "similar_items", item_id=[item, 10**9])
    scores = retriever.candidates @ retriever.candidates[7]
    scores[7] = -np.inf
    assert answer["item_id"][0].tolist() == retriever.item_ids[np.argsort(-scores)[:6]].tolist()
    assert answer["item_id"][1].tolist() == [-1] * 6


def test_manifest_states_what_was_measured(version):
    _, path = version
    manifest = serving.read_manifest(path)
    assert manifest["index"]["kind"] == path.parent.name
    assert manifest["index"]["recall"] == 1.0
    assert manifest["fingerprint"] == serving.fingerprint(path)
    assert (manifest["k"], manifest["items"], manifest["users"]) == (6, 40, 60)
    assert set(manifest["signatures"]["recommend"]["inputs"]) == {"user_id", "k", "exclusions"}


def test_default_signature_shares_its_first_dimension_and_knows_its_ranks(version):
    _, path = version
    signature = load(path).signatures["serving_default"]
    for tensor in (*signature.inputs[:1], *signature.outputs):
        assert tensor.shape[0] is None
    assert {tuple(t.shape) for t in signature.outputs} == {(None, 6)}


def test_batching_parameters_lie_where_the_server_looks_for_them(version):
    _, path = version
    assert "max_batch_size" in (path / "batching_params.pbtxt").read_text()


def test_wrong_bundle_is_refused_and_nothing_is_published(retriever, tmp_path):
    arguments = retriever.arguments()
    index = Exact().index(retriever.candidates[::-1], retriever.item_ids)
    with pytest.raises(serving.VerificationError, match="expected items"):
        serving.export(tmp_path, **arguments, index=index)
    assert list(tmp_path.iterdir()) == []

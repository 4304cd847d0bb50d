import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conftest import make_retriever
from tfrs_ext import serving
from tfrs_ext.serving import retriever_draft


@pytest.fixture
def unverified(monkeypatch):
    result = serving.Verification(1, 1.0, 0.0)
    monkeypatch.setattr(retriever_draft, "verify", lambda *args, **kwargs: result)


def publish(base, retriever, **changes):
    arguments = retriever.arguments(users=retriever.make_users(seen=None), k=6)
    return serving.export(base, **{**arguments, **changes})


def refreshed(base, retriever, ids, users=None, **more):
    items = retriever.make_items(
        {"item id": ids},
        fields={"title": [f"Titel {i}" for i in ids]},
        tags=[["even" if i % 2 else "odd"] for i in ids],
    )
    users = users or retriever.make_users(seen=None)
    models = retriever.query_model, retriever.item_model
    return serving.refresh(base, *models, items, users=users, **more)


def test_items_are_added_and_removed_and_the_rest_stays(tmp_path, unverified):
    retriever = make_retriever()
    publish(tmp_path, retriever, facts={"metrics": 1, "run": "a"}, index="exact")
    ids = np.append(retriever.item_ids[5:], [1000, 1001, 1002])
    path = refreshed(tmp_path, retriever, ids, facts={"run": "b"})
    assert path.name == "2"
    assert serving.item_ids(path).tolist() == ids.tolist()
    manifest = serving.read_manifest(path)
    change = {"from_version": 1, "added": 3, "removed": 5}
    assert manifest["facts"] == {"metrics": 1, "run": "b", "refresh": change}
    assert (manifest["k"], manifest["excludes_seen"], manifest["items"]) == (6, False, 38)
    assert manifest["index"]["kind"] == "exact"
    answer = serving.query_fresh(path, {"user_id": ["u2"]})
    features = {name: tf.constant(column[2:3]) for name, column in retriever.users.items()}
    scores = retriever.query_model(features) @ tf.transpose(retriever.item_model({"item id": ids}))
    scores = dict(zip(ids.tolist(), scores.numpy()[0], strict=True))
    # Items that the tower doesn't know are equals: scores tell, not ids.
    found = [scores[item] for item in answer["item_id"][0]]
    np.testing.assert_allclose(found, sorted(scores.values(), reverse=True)[:6], rtol=1e-5)


def test_string_ids_of_a_version_are_read(tmp_path, unverified):
    ids, retriever = [f"item {i}" for i in range(40)], make_retriever()
    items = retriever.make_items({"item id": ids})
    path = publish(tmp_path, retriever, candidates=retriever.candidates, items=items)
    assert [i.decode() for i in serving.item_ids(path)] == ids


@pytest.mark.slow
def test_scann_keeps_its_settings_while_the_size_is_alike(tmp_path, unverified, monkeypatch):
    pytest.importorskip("scann")
    from tfrs_ext.indexes import ScaNN

    retriever = make_retriever()
    first = publish(tmp_path, retriever, index="scann")
    settings = serving.read_manifest(first)["index"]
    monkeypatch.setattr(ScaNN, "tune", lambda *args, **kwargs: pytest.fail("tuned"))
    alike = refreshed(tmp_path, retriever, np.append(retriever.item_ids, 1000))
    index = serving.read_manifest(alike)["index"]
    for name in ("num_leaves_to_search", "num_reordering_candidates"):
        assert index[name] == settings[name]
    with pytest.raises(pytest.fail.Exception, match="tuned"):
        refreshed(tmp_path, retriever, retriever.item_ids[:9])


def test_what_an_index_was_built_with_is_kept():
    pytest.importorskip("scann")
    from tfrs_ext.indexes import ScaNN

    rows = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    index = ScaNN(k=3, dimensions_per_block=2, training_iterations=5, num_leaves=3).index(rows)
    again = ScaNN.from_settings(index.settings(), 400, k=3)
    expected = (2, 5, 3, 1)
    names = ("dimensions_per_block", "training_iterations", "num_leaves", "num_leaves_to_search")
    assert tuple(getattr(again, name) for name in names) == expected


def test_what_does_not_fit_is_refused_with_the_reason(tmp_path, unverified):
    retriever = make_retriever()
    with pytest.raises(ValueError, match="must hold a version that `export` wrote"):
        refreshed(tmp_path, retriever, retriever.item_ids)
    publish(tmp_path, retriever)
    with pytest.raises(ValueError, match=r"`users\.seen` must be left away"):
        refreshed(tmp_path, retriever, retriever.item_ids, users=retriever.make_users())
    items = retriever.make_items(tags=None)
    models = retriever.query_model, retriever.item_model
    with pytest.raises(ValueError, match=r"signature 'recommend_filtered' is \{.*would be None"):
        serving.refresh(tmp_path, *models, items, users=retriever.make_users(seen=None))
    users = {"user": retriever.users["user_id"], **retriever.users}
    users = retriever.make_users(users, user_id="user", seen=None)
    with pytest.raises(ValueError, match=r"signature 'recommend' is .*'user'"):
        refreshed(tmp_path, retriever, retriever.item_ids, users=users)
    assert serving.list_versions(tmp_path) == [1]


def test_ranker_is_told_how_it_is_refreshed(tmp_path, retriever):
    (tmp_path / "1" / "assets.extra").mkdir(parents=True)
    (tmp_path / "1" / "saved_model.pb").touch()
    (tmp_path / "1" / "assets.extra" / "manifest.json").write_text('{"kind": "ranker"}')
    with pytest.raises(ValueError, match=r"received that of a ranker .*: call `export_ranker`"):
        refreshed(tmp_path, retriever, retriever.item_ids)


@pytest.mark.slow
def test_number_of_answers_comes_back_when_the_catalogue_has_grown(tmp_path, unverified):
    retriever = make_retriever()
    items = retriever.make_items(
        {"item id": [0, 3]}, fields={"title": ["a", "b"]}, tags=[["x"], []]
    )
    path = publish(tmp_path, retriever, items=items)
    assert serving.read_manifest(path)["k"] == 6
    path = refreshed(tmp_path, retriever, retriever.item_ids)
    ids = tf.saved_model.load(str(path)).signatures["serving_default"](user_id=tf.constant(["u3"]))[
        "item_id"
    ]
    assert ids.shape == (1, 6)

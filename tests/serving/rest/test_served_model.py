import os
import shutil

import pytest
import tensorflow as tf

from tests.serving.rest.conftest import copy, publish
from tfrs_ext import serving
from tfrs_ext.serving.rest import ServedModel, served_model
from tfrs_ext.serving.rest.errors import RequestError


class Popular(tf.Module):
    """Answers everybody with six items: what is served is no matter here, and loads at once."""

    def __init__(self):
        super().__init__()
        self.items = tf.Variable(tf.range(6, dtype=tf.int64))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "user_id")])
    def answer(self, user_id):
        return {"item_id": tf.repeat(self.items[tf.newaxis], tf.size(user_id), axis=0)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "user_id"),
            tf.TensorSpec([None, None], tf.int64, "exclusions"),
        ]
    )
    def recommend(self, user_id, exclusions):
        tf.debugging.assert_equal(tf.shape(exclusions)[0], tf.size(user_id))
        return self.answer(user_id)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    def write(folder):
        module = Popular()
        signatures = {"serving_default": module.answer, "recommend": module.recommend}
        tf.saved_model.save(module, str(folder), signatures=signatures)
        serving.write_warmup(folder, [("serving_default", {"user_id": ["u1"]})])

    return serving.publish(tmp_path_factory.mktemp("models"), write)


@pytest.fixture
def model(version, tmp_path):
    copy(version, tmp_path / "m")
    model = ServedModel(tmp_path / "m")
    model.refresh()
    yield model
    model.close()


def serves(model):
    return [n for n, reason in model.states().items() if reason is None]


def answers(servable):
    return servable.run("serving_default", {"user_id": ["u1"]})["item_id"].shape == (1, 6)


def test_newest_version_takes_over_and_the_old_one_answers_what_it_has_begun(model, version):
    with model.lease() as (number, old):
        assert number == 1
        copy(version, model.base)
        model.refresh()
        assert serves(model) == [2]
        assert answers(old)
    with model.lease() as (number, new):
        assert number == 2
        assert answers(new)
    with pytest.raises(RuntimeError, match="closed"):
        old.run("serving_default", {"user_id": ["u1"]})


def test_version_that_nobody_uses_is_closed_at_once(model, version):
    with model.lease() as (_, old):
        pass
    copy(version, model.base)
    model.refresh()
    with pytest.raises(RuntimeError, match="closed"):
        old.run("serving_default", {"user_id": ["u1"]})


def test_a_labelled_version_answers_beside_the_newest(version, tmp_path):
    for _ in range(2):
        copy(version, tmp_path / "m")
    model = ServedModel(tmp_path / "m", labels={"stable": 1, "canary": 2, "gone": 9})
    model.refresh()
    try:
        assert serves(model) == [2, 1]
        assert (model.labelled("stable"), model.labelled("canary")) == (1, 2)
        with model.lease(model.labelled("stable")) as (number, servable):
            assert number == 1
            assert answers(servable)
        with pytest.raises(RequestError, match="Version 9 isn't served"):
            model.lease(model.labelled("gone")).__enter__()
        with pytest.raises(RequestError, match="No version has the label 'beta'"):
            model.labelled("beta")
    finally:
        model.close()


def test_rollback_brings_the_earlier_version_back(model, version):
    copy(version, model.base)
    model.refresh()
    serving.rollback(model.base)
    model.refresh()
    assert serves(model) == [1]
    with model.lease() as (number, servable):
        assert number == 1
        assert answers(servable)


def test_version_that_does_not_load_is_passed_over_until_its_files_change(model, version):
    path = copy(version, model.base)
    graph = (path / "saved_model.pb").read_bytes()
    (path / "saved_model.pb").write_bytes(graph[:-100])
    model.refresh()
    assert serves(model) == [1]
    assert model.states()[2].startswith(("OSError", "RuntimeError", "DecodeError"))
    (path / "saved_model.pb").write_bytes(graph)
    model.refresh()
    assert serves(model) == [2]


def test_version_that_was_repaired_with_its_time_kept_is_loaded(model, version):
    path = copy(version, model.base) / "saved_model.pb"
    graph, times = path.read_bytes(), path.stat()
    path.write_bytes(b"\0" * len(graph))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    model.refresh()
    assert serves(model) == [1]
    path.write_bytes(graph)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    model.refresh()
    assert serves(model) == [2]


def test_version_that_failed_is_tried_again_later_and_less_and_less_often(tmp_path, monkeypatch):
    """As where a file couldn't be read for a while, or memory was short."""
    serving.publish(tmp_path, lambda folder: (folder / "saved_model.pb").touch())
    model, now, tries = ServedModel(tmp_path), [100.0], []

    def fail(path):
        tries.append(now[0])
        raise MemoryError("for now")

    monkeypatch.setattr(served_model.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(served_model, "Servable", fail)
    for _ in range(40):
        model.refresh()
        now[0] += 0.25
    assert tries == [100.0, 101.0, 103.0, 107.0]
    assert model.states() == {1: "MemoryError: for now"}


def test_version_whose_warmup_fails_does_not_load(model, version):
    path = copy(version, model.base)
    serving.write_warmup(path, [("recommend", {"user_id": ["u1"], "exclusions": [[0]] * 2})])
    model.refresh()
    assert serves(model) == [1]
    assert 2 in model.states()


def test_several_versions_can_answer(version, tmp_path):
    for _ in range(3):
        copy(version, tmp_path)
    model = ServedModel(tmp_path, num_versions=2)
    model.refresh()
    assert serves(model) == [3, 2]
    with model.lease(2) as (number, servable):
        assert number == 2
        assert answers(servable)
    with (
        pytest.raises(RequestError, match=r"Version 1 isn't served, only \[2, 3\]") as refused,
        model.lease(1),
    ):
        pass
    assert refused.value.status == 404
    model.close()


def test_what_is_served_stays_where_the_folder_is_gone(model):
    shutil.rmtree(model.base)
    model.refresh()
    with model.lease() as (_, servable):
        assert answers(servable)


@pytest.mark.slow
def test_scann_bundles_are_served_too(published, tmp_path):
    pytest.importorskip("scann")
    publish(tmp_path, published, index="scann")
    model = ServedModel(tmp_path)
    model.refresh()
    with model.lease() as (_, servable):
        assert answers(servable)
    model.close()


def test_nothing_to_serve_and_bad_arguments_are_told(tmp_path):
    model = ServedModel(tmp_path)
    model.refresh()
    assert model.states() == {}
    with pytest.raises(RequestError, match="isn't served"), model.lease():
        pass
    with pytest.raises(ValueError, match="at least 1, received 0"):
        ServedModel(tmp_path, num_versions=0)

"""A bandit on a server: loaded without this package, it chooses as it does here."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.bandits.logs import ARMS, make_rounds
from tfrs_ext import serving
from tfrs_ext.bandits import RecoveringDifferenceSoftmax, UniformPolicy
from tfrs_ext.serving import export_bandit
from tfrs_ext.serving.bundle.bandit_bundle import BanditBundle
from tfrs_ext.serving.rest import Limits, Servable
from tfrs_ext.serving.rest.predict import predict


@pytest.fixture(scope="module")
def bandit():
    settings = {"gamma": 0.3, "half_life": 10.0, "temperature": 0.2, "shrinkage": 20.0}
    return RecoveringDifferenceSoftmax(ARMS, **settings).fit(pd.DataFrame(make_rounds(200)))


@pytest.fixture(scope="module")
def version(bandit, tmp_path_factory):
    base = tmp_path_factory.mktemp("base") / "notifications"
    return export_bandit(base, bandit, facts={"value": 0.13}, model_card=lambda m: m["kind"])


def ask(version, eligible, days, draw):
    choose = tf.saved_model.load(str(version)).signatures["choose"]
    inputs = {"eligible": tf.constant(eligible), "draw": tf.constant(draw, tf.float32)}
    answer = choose(days_since=tf.constant(days, tf.float32), **inputs)
    return {name: value.numpy() for name, value in answer.items()}


def test_a_version_is_published_with_its_facts(bandit, version):
    assert serving.list_versions(version.parent) == [1]
    manifest = serving.read_manifest(version)
    assert manifest["kind"] == "bandit"
    assert manifest["arms"] == list(ARMS)
    assert manifest["settings"] == bandit.settings()
    assert manifest["verified_on"] == 64
    assert manifest["facts"] == {"value": 0.13}
    assert (version / "assets.extra" / "model_card.md").read_text() == "bandit"


def test_answers_are_those_of_the_policy(bandit, version):
    eligible = [["a", "b", "d"], ["c", "", "z"], ["", "", ""]]
    days = [[-1.0, 0.0, 7.5], [2.0, 0.0, 0.0], [0.0, -1.0, float("nan")]]
    answer = ask(version, eligible, days, [0.0, 0.999999, 0.5])
    expected = bandit.policy([["a", "b", "d"]], [[None, 0, 7.5]])[0, [0, 1, 3]]
    np.testing.assert_allclose(answer["probabilities"][0], expected, rtol=1e-5)
    assert answer["probabilities"][1].tolist() == [1, 0, 0]
    assert answer["probabilities"][2].tolist() == [0, 0, 0]
    assert answer["arm"].tolist() == [b"a", b"c", b""]
    assert answer["propensity"].tolist() == [pytest.approx(expected[0], rel=1e-5), 1, 0]


def test_the_http_front_end_answers(bandit, version):
    servable = Servable(version)
    rows = [{"eligible": ["a", "d"], "days_since": [-1, 0], "draw": 0.0}] * 2
    answer = json.loads(predict(servable, json.dumps({"instances": rows}).encode(), Limits()))
    first, second = answer["predictions"]
    servable.close()
    assert first == second
    assert first["arm"] == "a"
    expected = bandit.policy([["a", "d"]], [[None, 0]])[0, [0, 3]]
    np.testing.assert_allclose(first["probabilities"], expected, rtol=1e-5)


def test_a_tiny_temperature_is_not_rounded_away(bandit):
    cold = bandit.replace(temperature=1e-9)
    bundle = BanditBundle(cold)
    names = {"eligible": tf.constant([ARMS]), "draw": tf.constant([0.5])}
    answer = bundle.functions()["choose"](days_since=tf.constant([[-1.0] * 4]), **names)
    np.testing.assert_allclose(answer["probabilities"], cold.policy([ARMS]), atol=1e-6)
    best = ARMS[int(np.argmax(cold.scores))]
    assert answer["arm"].numpy().tolist() == [best.encode()]


def test_arms_may_have_any_names():
    names = dict(zip(ARMS, ("café", "№ 1", "c", "d"), strict=True))
    rounds = make_rounds(50)
    for row in rounds:
        row.update(eligible=[names[arm] for arm in row["eligible"]], chosen=names[row["chosen"]])
    bandit = RecoveringDifferenceSoftmax(list(names.values())).fit(pd.DataFrame(rounds))
    request = BanditBundle(bandit).warmup()[0][1]
    assert request["eligible"].tolist() == [[name.encode() for name in names.values()]]


def test_draws_choose_each_arm_with_its_probability(version):
    draws = (np.arange(2000) + 0.5) / 2000
    answer = ask(version, [["d", "a", "c"]] * 2000, [[-1.0, 3.0, 0.0]] * 2000, draws)
    for place, arm in enumerate([b"d", b"a", b"c"]):
        share = (answer["arm"] == arm).mean()
        assert abs(share - answer["probabilities"][0, place]) < 0.001
        assert share > 0
    last = ask(version, [["d", "a", "c"]], [[-1.0, 3.0, 0.0]], [1.0])
    assert last["arm"] == [b"c"]


def test_what_answers_otherwise_is_not_published(bandit, tmp_path, monkeypatch):
    def answer(_, requests):
        probabilities = np.full(np.shape(requests[0].inputs["eligible"]), 0.25)
        arms = requests[0].inputs["eligible"][:, 0]
        return [{"arm": arms, "propensity": probabilities[:, 0], "probabilities": probabilities}]

    monkeypatch.setattr("tfrs_ext.serving.bandit.query_all_fresh", answer)
    with pytest.raises(serving.VerificationError, match="must choose as the bandit does"):
        export_bandit(tmp_path / "base", bandit)
    assert serving.list_versions(tmp_path / "base") == []


def test_what_has_learnt_nothing_is_refused(tmp_path):
    for wrong in (UniformPolicy(ARMS), RecoveringDifferenceSoftmax(ARMS)):
        with pytest.raises(ValueError, match="that has learnt from a log"):
            export_bandit(tmp_path / "base", wrong)

"""What a report shows of a bandit."""

from tfrs_ext import bandits
from tfrs_ext.report import RunSummary, model_card, policy_evidence, render_report

RUN = RunSummary(
    title="Notifications",
    metrics={"model": {"value": (0.13, 0.12, 0.14)}, "uniform": {"value": (0.12, 0.11, 0.13)}},
    objective="value",
    arm_effects={"streak <b>": (0.02, 0.01, 0.03), "hello": (-0.01, -0.02, 0.004)},
    arm_shares={"model": {"streak <b>": 0.75, "hello": 0.25}},
    recovery={"loss": (0.1, 0.08, 0.12), "half_life": (15.0, 10.0, 20.0)},
)


def test_effects_recovery_and_choices_are_shown():
    page = render_report(RUN)
    assert '<section id="arms"' in page
    assert "1 of 2 arms differ" in page
    assert "loses 10.0% of the reward" in page
    assert "after 15.0 days (95% interval 10.0 to 20.0)" in page
    assert "streak &lt;b&gt;" in page
    assert "<b>" not in page
    assert "0.7500" in page or "0.75" in page


def test_a_run_without_arms_has_no_such_section():
    assert 'id="arms"' not in render_report(RunSummary(title="Films"))


def test_the_card_tells_how_often_arms_are_chosen():
    card = model_card(RUN)
    assert "## Arms" in card
    assert "| hello | 0.25 |" in card


def test_evidence_is_what_the_log_tells():
    world = bandits.NotificationSimulator(arms=3, num_users=500, gamma=0.3, seed=1)
    uniform = bandits.UniformPolicy(world.arms)
    model = bandits.RecoveringDifferenceSoftmax(world.arms).fit(world.run(uniform, 3).rounds)
    log = world.run(uniform, 3).to_frame()
    found = policy_evidence(model, {"uniform": uniform}, log)
    value = bandits.evaluate_policy(model, log)
    assert found["metrics"]["model"]["value"] == value.self_normalised
    assert found["metrics"]["model"]["doubly_robust"] == value.doubly_robust
    difference = found["differences"]["uniform"]["value"].mean
    base = found["metrics"]["uniform"]["value"].mean
    assert abs(value.self_normalised.mean - base - difference) < 1e-12
    assert found["arm_effects"] == model.effects()
    assert '<section id="arms"' in render_report(RunSummary(title="Notifications", **found))

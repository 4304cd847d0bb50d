"""What a report says of a bandit, from a log that it hasn't learnt from."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tfrs_ext.bandits import (
    Bandit,
    RecoveringDifferenceSoftmax,
    choice_shares,
    compare_policies,
    evaluate_policy,
)


def policy_evidence(
    model: RecoveringDifferenceSoftmax, rivals: Mapping[str, Bandit], log: pd.DataFrame
) -> dict[str, Any]:
    """Returns the parts of a `RunSummary` that a log tells of a bandit and its rivals.

    Args:
        model: The fitted bandit; it is called "model".
        rivals: Other fitted policies, by their names.
        log: Rounds that none of them has learnt from, as `Bandit.fit` takes them.

    Returns:
        `metrics`, `differences`, `arm_effects` and `arm_shares`, JSON-able.

    Example:
        >>> from tfrs_ext import bandits
        >>> world = bandits.NotificationSimulator(arms=3, num_users=300, seed=1)
        >>> uniform = bandits.UniformPolicy(world.arms)
        >>> log = world.run(uniform, days=2).to_frame()
        >>> model = bandits.RecoveringDifferenceSoftmax(world.arms).fit(log)
        >>> evidence = policy_evidence(model, {"uniform": uniform}, log)
        >>> list(evidence), list(evidence["metrics"])
        (['metrics', 'differences', 'arm_effects', 'arm_shares'], ['model', 'uniform'])
    """
    policies: dict[str, Bandit] = {"model": model, **rivals}
    return {
        "metrics": {name: _metrics(policy, log) for name, policy in policies.items()},
        "differences": {
            name: {"value": compare_policies(model, rival, log)["self_normalised"]}
            for name, rival in rivals.items()
        },
        "arm_effects": model.effects(),
        "arm_shares": {name: choice_shares(policy, log) for name, policy in policies.items()},
    }


def _metrics(policy: Bandit, log: pd.DataFrame) -> dict[str, Any]:
    found = evaluate_policy(policy, log)
    return {
        "value": found.self_normalised,
        "doubly_robust": found.doubly_robust,
        "effective_rounds": found.effective_size,
    }

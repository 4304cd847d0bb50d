"""Made-up logs of rounds."""

import numpy as np

ARMS = ("a", "b", "c", "d")


def make_rounds(count, seed=0, alone=0.1):
    """Rounds as dictionaries: a logging policy that isn't uniform, days, users and times."""
    rng = np.random.default_rng(seed)
    rounds = []
    for number in range(count):
        size = 1 if rng.random() < alone else rng.integers(2, len(ARMS) + 1)
        eligible = rng.permutation(ARMS)[:size].tolist()
        p = rng.dirichlet(np.full(size, 3.0))
        chosen = eligible[rng.choice(size, p=p)]
        days = [None if rng.random() < 0.3 else float(rng.integers(0, 40)) for _ in eligible]
        chance = 0.3 + 0.1 * ARMS.index(chosen)
        rounds.append(
            {
                "eligible": eligible,
                "chosen": chosen,
                "propensities": p.tolist(),
                "reward": float(rng.random() < chance),
                "days_since": days,
                "user_id": int(rng.integers(0, 20)),
                "time": number,
            }
        )
    return rounds

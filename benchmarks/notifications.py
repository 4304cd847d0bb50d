"""The bandit for notifications in a made-up world whose truth is known.

`recovery`: are half-life, loss and effects found within their intervals. `coverage`: how often the
off-policy intervals hold the true value. `year`: a year of days, the policy refitted each night on
its own log, against the others. `scale`: ten million rounds of twelve arms, in time and memory.
`shop`: the estimates from the real logs of the Open Bandit Data against those of `obp`, or of loops
where it is missing.

Run: python -m benchmarks.notifications {recovery,coverage,year,scale} [--small]
     python -m benchmarks.notifications shop --folder FOLDER
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.timing import RESULTS, write
from tfrs_ext import bandits
from tfrs_ext.evaluation import Interval

NAME = "notifications"
LEVEL = 0.95
ESTIMATORS = ("ips", "self_normalised", "doubly_robust")


def world(seed: int, users: int, **settings: float) -> bandits.NotificationSimulator:
    """Returns a world of twelve arms: base 12%, effects of 1%, half-life 15 days."""
    return bandits.NotificationSimulator(num_users=users, seed=seed, **settings)


def ours(arms: tuple[str, ...], gamma: float, shrinkage: float) -> bandits.Bandit:
    """Returns the bandit with the settings that all parts use."""
    settings = {"gamma": gamma, "temperature": 0.005, "shrinkage": shrinkage}
    return bandits.RecoveringDifferenceSoftmax(arms, **settings)


def recovery(is_small: bool) -> dict[str, Any]:
    """Worlds of their own: the shares of 95% intervals that hold the planted truth."""
    worlds, users, days = (4, 1000, 20) if is_small else (20, 6000, 60)
    rows, held = [], {"loss": [], "half-life": [], "effects": [], "differences": []}
    for seed in range(worlds):
        made = world(seed, users, gamma=0.3)
        log = made.run(bandits.UniformPolicy(made.arms), days)
        effects = bandits.RecoveringDifferenceSoftmax(made.arms).fit(log.rounds).effects(LEVEL)
        truth = log.differences()
        held["differences"] += [covers(effects[arm], truth[arm]) for arm in made.arms]
        try:
            found = bandits.estimate_recovery(log.rounds, made.arms, level=LEVEL)
        except ValueError:
            rows.append({"seed": seed, "found": "nothing"})
            continue
        held["loss"].append(covers(found.gamma, 0.3))
        held["half-life"].append(covers(found.half_life, 15.0))
        pairs = zip(made.arms, made.effects, strict=True)
        held["effects"] += [covers(found.effects[arm], effect) for arm, effect in pairs]
        rows.append({"seed": seed, "loss": f"{found.gamma}", "half-life": f"{found.half_life:.1f}"})
    shares = {f"{name}: share held": float(np.mean(values)) for name, values in held.items()}
    sizes = {"rounds a world": len(log.rounds), "planted": "loss .3, half-life 15 days"}
    return {**sizes, **shares, "intervals": rows}


def covers(interval: Interval, truth: float) -> bool:
    """Returns whether the truth lies within."""
    return bool(interval.low <= truth <= interval.high)


def coverage(is_small: bool) -> dict[str, Any]:
    """How often intervals hold the value of a learnt policy, and what policies are truly worth."""
    repeats, users = (10, 500) if is_small else (200, 1500)
    held: dict[str, list[bool]] = {name: [] for name in ESTIMATORS}
    widths: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    gains: dict[str, list[float]] = {}
    for seed in range(repeats):
        made = world(seed, users)
        uniform = bandits.UniformPolicy(made.arms)
        first = made.run(uniform, 30)
        policies = {"ours": ours(made.arms, 0.1, 1e4), **bandits.usual_policies(made.arms)}
        for policy in policies.values():
            policy.fit(first.rounds)
        log = made.run(uniform, 14)
        value = bandits.evaluate_policy(policies["ours"], log.rounds, level=LEVEL)
        truth, base = log.value(policies["ours"]), log.value(uniform)
        for name in ESTIMATORS:
            interval = getattr(value, name)
            held[name].append(covers(interval, truth))
            widths[name].append(interval.half_width)
        for name, policy in policies.items():
            gains.setdefault(name, []).append(log.value(policy) / base - 1)
    return {
        "rounds evaluated on": len(log.rounds),
        "repeats": repeats,
        "share of 95% intervals that hold the true value": {
            name: float(np.mean(values)) for name, values in held.items()
        },
        "mean half-width": {name: float(np.mean(values)) for name, values in widths.items()},
        "true value over uniform's, in the same rounds": {
            name: f"{Interval.of_repeats(values):+.4f}" for name, values in gains.items()
        },
    }


def year(is_small: bool) -> dict[str, Any]:
    """Cumulative regret: what uniform, last and best static lack against our policy."""
    worlds, users, days = (2, 500, 30) if is_small else (5, 4000, 365)
    totals: dict[str, list[float]] = {}
    curves: dict[str, list[list[float]]] = {}
    makers: dict[str, Callable[[tuple[str, ...]], bandits.Bandit]] = {
        "ours": lambda arms: ours(arms, 0.1, 1e5),
        "uniform": bandits.UniformPolicy,
        "last": bandits.LastPolicy,
        "best static": bandits.BestStaticPolicy,
    }
    for seed in range(worlds):
        earned = {name: live(make, seed, users, days) for name, make in makers.items()}
        mine = np.array(earned["ours"])
        for name, values in earned.items():
            lead = np.cumsum(mine - np.array(values))
            totals.setdefault(name, []).append(float(lead[-1] / days / np.mean(values)))
            curves.setdefault(name, []).append(lead[:: max(1, days // 12)].tolist())
    return {
        "rounds a year": int(users * 0.5 * days),
        "worlds": worlds,
        "ours over each, as a share of its reward": {
            name: f"{Interval.of_repeats(values):+.4f}" for name, values in totals.items()
        },
        "cumulative lead in rewards per round and day, by month": {
            name: np.round(np.mean(values, axis=0), 4).tolist() for name, values in curves.items()
        },
    }


def live(
    make: Callable[[tuple[str, ...]], bandits.Bandit], seed: int, users: int, days: int
) -> list[float]:
    """Returns each day's true mean reward of a policy that learns its own log each night."""
    made = world(seed, users)
    first = made.run(bandits.UniformPolicy(made.arms), 5)  # All begin with the same five days.
    policy, earned = make(made.arms).fit(first.rounds), []
    for _ in range(days):
        log = made.run(policy, 1)
        earned.append(log.achieved)
        policy.update(log.rounds)
    return earned


def scale(is_small: bool) -> dict[str, Any]:
    """Writes Parquet of many rounds, and fits in a fresh process, whose peak memory is read."""
    rounds = 200_000 if is_small else 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        made, written = world(0, 200_000), 0
        while written < rounds:
            table = made.run(bandits.UniformPolicy(made.arms), 1).to_table()
            pq.write_table(table, pathlib.Path(folder, f"{made.day:04}.parquet"))
            written += len(table)
        command = [sys.executable, "-m", "benchmarks.notifications", "fit", "--folder", folder]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def fit(folder: str) -> None:
    """Prints the time and the peak memory of a fit, as JSON."""
    arms = world(0, 1).arms
    start, processor = time.perf_counter(), time.process_time()
    bandit = bandits.RecoveringDifferenceSoftmax(arms).fit(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {"rounds": bandit.rounds, "arms": len(arms)}
    result |= {"seconds": time.perf_counter() - start}
    result |= {"processor seconds": time.process_time() - processor, "peak GB": peak / 2**20}
    print(json.dumps(result))


def shop(folder: str) -> dict[str, Any]:
    """Values of the uniform policy from logs of Thompson sampling: our three estimators, and obp's.

    The folder holds the files of Open Bandit Data: `bts_men.parquet` and the like.
    """
    result: dict[str, Any] = {}
    for path in sorted(pathlib.Path(folder).glob("bts_*.parquet")):
        frame = pd.read_parquet(path)
        items = pd.read_parquet(path.with_name(path.name.replace("bts", "items")))
        arms = [str(item) for item in range(len(items))]
        log = pd.DataFrame({"eligible": [arms] * len(frame), "chosen": frame["item_id"]})
        log = log.assign(reward=frame["click"], propensity=frame["propensity_score"])
        found = bandits.evaluate_policy(bandits.UniformPolicy(arms), log)
        q = other_half(frame, len(arms))
        result[path.stem] = {
            "rounds, effective": [found.rounds, round(found.effective_size, 1)],
            "ours": {name: f"{getattr(found, name):.6f}" for name in ESTIMATORS},
            **reference(frame, q),
        }
    return result


def other_half(frame: pd.DataFrame, arms: int) -> np.ndarray:
    """Returns the arms' means on the other half of the rounds, by the package's halves."""
    half = np.random.default_rng(0).permutation(len(frame)) % 2
    means = np.zeros((2, arms))
    for side in (0, 1):
        part = frame[half != side]
        w = 1 / part["propensity_score"]
        overall = (w * part["click"]).sum() / w.sum()
        found = (w * part["click"]).groupby(part["item_id"]).sum() / w.groupby(
            part["item_id"]
        ).sum()
        means[side] = found.reindex(range(arms)).fillna(overall)
    return means[half]


def reference(frame: pd.DataFrame, q: np.ndarray) -> dict[str, Any]:
    """Returns obp's estimates, or those of a loop where obp isn't installed."""
    rows, arms = q.shape
    try:
        from obp.ope import estimators
    except ImportError:
        sums = np.zeros(4)
        for row, expected in zip(frame.itertuples(), q, strict=True):
            w = 1 / arms / row.propensity_score
            robust = expected.mean() + w * (row.click - expected[row.item_id])
            sums += [w * row.click, w, robust, 1]
        values = (sums[0] / sums[3], sums[0] / sums[1], sums[2] / sums[3])
        return {"a loop's": dict(zip(ESTIMATORS, np.round(values, 6).tolist(), strict=True))}
    given = {"reward": frame["click"].to_numpy(np.float64), "action": frame["item_id"].to_numpy()}
    given |= {"pscore": frame["propensity_score"].to_numpy(), "position": np.zeros(rows, int)}
    given["action_dist"] = np.full((rows, arms, 1), 1 / arms)
    values = (
        estimators.InverseProbabilityWeighting().estimate_policy_value(**given),
        estimators.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**given),
        estimators.DoublyRobust().estimate_policy_value(
            **given, estimated_rewards_by_reg_model=q[:, :, None]
        ),
    )
    return {"obp's": dict(zip(ESTIMATORS, np.round(values, 6).tolist(), strict=True))}


def main() -> None:
    """Runs one part, and keeps the results of the others."""
    parts = {"recovery": recovery, "coverage": coverage, "year": year, "scale": scale}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=[*parts, "fit", "shop"])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--folder", help="for `shop`, and for `fit`, which `scale` runs")
    options = parser.parse_args()
    if options.part == "fit":
        fit(options.folder)
        return
    path = RESULTS / f"{NAME}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    start = time.process_time()
    is_shop = options.part == "shop"
    result = shop(options.folder) if is_shop else parts[options.part](options.small)
    result["processor minutes"] = (time.process_time() - start) / 60
    write(NAME, {**kept, options.part: result})


if __name__ == "__main__":
    main()

"""A bandit for notifications: `python -m recipes.notifications {tune,train,export,query,all}`.

Without `--log` the rounds are made up, and the truth is known. The steps meet through files under
`--runs`, so each runs alone.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.table import Table
from rich.text import Text
from typer import Option

from tfrs_ext import __version__, bandits, files, report, serving

from . import shared

SHARES = (0.6, 0.2)  # Of the time: to learn from, and to choose settings by. The rest judges.
LIMITS = (
    "Values are those of the log's rounds: what users saw before was chosen by the log's policy.",
    "Each look at the test part that leads to another policy makes it a validation part.",
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one run of this recipe is told, and the rounds that its steps share."""

    log: str | None
    runs: pathlib.Path
    base: pathlib.Path
    user: str | None
    seed: int
    smoke: bool

    @functools.cached_property
    def made_up(self) -> list[bandits.Simulation]:
        """The three parts of made-up rounds, by a policy that chooses any arm alike."""
        users, gamma, days = (1500, 0.4, 20) if self.smoke else (20_000, 0.1, 60)
        world = bandits.NotificationSimulator(num_users=users, gamma=gamma, seed=self.seed)
        uniform = bandits.UniformPolicy(world.arms)
        return [world.run(uniform, round(days * share)) for share in (*SHARES, 0.2)]

    @functools.cached_property
    def parts(self) -> list[pd.DataFrame]:
        """Rounds to learn from, to choose settings by, and to judge by, in the order of time."""
        if self.log is None:
            return [part.to_frame() for part in self.made_up]
        return bandits.split_log(pd.read_parquet(self.log), SHARES)

    @functools.cached_property
    def arms(self) -> list[str]:
        """The names of all arms."""
        if "eligible" not in self.parts[0]:
            raise ValueError("`--log` must have a column `eligible` with lists of the awake arms")
        names = pd.concat([part["eligible"] for part in self.parts]).explode().dropna()
        return sorted(map(str, names.unique()))


def tune(settings: Settings) -> None:
    """Step 1: finds gamma, half-life and temperature by value; writes hparams.json."""
    learn, choose, _ = settings.parts
    shrinkage = min(1e5, len(learn) / 10)
    bandit = bandits.RecoveringDifferenceSoftmax(settings.arms, shrinkage=shrinkage).fit(learn)
    trials = bandits.tune_policy(bandit, choose)
    rows = [{"values": t.settings, "score": t.value.self_normalised.mean} for t in trials]
    best = {**trials[0].settings, "shrinkage": shrinkage}
    files.write_json(settings.runs / "trials.json", rows)
    files.write_json(settings.runs / "hparams.json", best)
    shared.console.print(f"best of {len(rows)}: {trials[0].value.self_normalised:.5f} with {best}")


def train(settings: Settings) -> None:
    """Step 2: learns, and compares with the baselines; writes bandit.json and report.html."""
    # 2.1 Learn from all but the part that judges.
    learn, choose, test = settings.parts
    tuned = shared.read_mapping(settings.runs / "hparams.json")
    if not tuned:
        shared.console.print("no hparams.json, so the defaults are used; `tune` makes one")
    model = bandits.RecoveringDifferenceSoftmax(settings.arms).replace(**tuned)
    rivals = bandits.usual_policies(settings.arms)
    for policy in (model, *rivals.values()):
        policy.fit(learn).update(choose)

    # 2.2 Judge all on rounds that none has seen.
    evidence = report.policy_evidence(model, rivals, test)
    for name, policy in {"model": model, **rivals}.items():
        if settings.log is None:
            evidence["metrics"][name]["true_value"] = settings.made_up[2].value(policy)
    table = Table("", "value", "doubly robust", "model's lead", title="test part")
    for name, found in evidence["metrics"].items():
        lead = evidence["differences"].get(name, {}).get("value", "")
        table.add_row(name, f"{found['value']}", f"{found['doubly_robust']}", f"{lead}")
    shared.console.print(table)

    # 2.3 Write what was found, and keep the bandit if it is better than uniform choices.
    names = ("rounds to learn from", "rounds to choose by", "rounds to judge by")
    sizes = dict(zip(names, map(len, settings.parts), strict=True))
    evidence["facts"] = {"data": settings.log or "made up", **sizes, "arms": len(settings.arms)}
    try:
        recovery = bandits.estimate_recovery(pd.concat([learn, choose]), settings.arms)
        evidence["recovery"] = {"loss": recovery.gamma, "half_life": recovery.half_life}
    except ValueError as error:
        shared.console.print(Text(f"recovery isn't measured: {error}"))
    files.write_json(settings.runs / "metrics.json", evidence["metrics"])
    files.write_json(settings.runs / "evaluation.json", evidence)
    shared.write_report(settings, _summarize(settings))
    (settings.runs / "bandit.json").unlink(missing_ok=True)  # Of an earlier run.
    if not evidence["differences"]["uniform"]["value"].mean > 0:
        raise RuntimeError("the bandit doesn't earn more than uniform choices, so it isn't saved")
    model.save(settings.runs / "bandit.json")


def export(settings: Settings) -> None:
    """Step 3: publishes a version, checked in a fresh process."""
    path = settings.runs / "bandit.json"
    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `train` first")
    version = serving.export_bandit(
        settings.base,
        bandits.Bandit.load(path),
        facts={"metrics": files.read_json(settings.runs / "metrics.json")},
        model_card=lambda manifest: report.model_card(_summarize(settings, manifest)),
    )
    shared.write_report(settings, _summarize(settings, serving.read_manifest(version)))
    shared.say(f"published {version}")


def query(settings: Settings) -> None:
    """Step 4: asks the newest version for one user, in a fresh process without this package."""
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    rounds = settings.parts[2].reindex(columns=["eligible", "days_since", "user_id"])  # Or NaN.
    if settings.user is not None:
        rounds = rounds[rounds["user_id"].astype(str) == settings.user]
    if rounds.empty:
        raise ValueError(f"`--user` must be in the test part, received {settings.user!r}")
    arms = [str(arm) for arm in rounds["eligible"].iloc[-1]]
    days = np.broadcast_to(np.asarray(rounds["days_since"].iloc[-1], np.float64), len(arms))
    since = [float(day) if np.isfinite(day) else -1.0 for day in days]
    draw = float(np.random.default_rng(settings.seed).random())
    request = {"eligible": [arms], "days_since": [since], "draw": [draw]}
    answer = serving.query_fresh(version, request)
    title = Text(f"{version.name}: chosen {answer['arm'][0]}")
    table = Table("arm", "days since", "probability", title=title)
    for arm, day, p in zip(arms, since, answer["probabilities"][0], strict=True):
        table.add_row(Text(arm), "never" if day < 0 else f"{day:g}", f"{p:.3f}")
    shared.console.print(table)


def _summarize(settings: Settings, manifest: Mapping[str, Any] | None = None) -> report.RunSummary:
    return report.RunSummary(
        title="Notifications",
        **shared.read_mapping(settings.runs / "evaluation.json"),
        trials=files.read_json(settings.runs / "trials.json") or (),
        objective="value",
        hyperparameters=shared.read_mapping(settings.runs / "hparams.json"),
        versions=(manifest or {}).get("versions") or {"tfrs-ext": __version__},
        seed=settings.seed,
        fingerprint=(manifest or {}).get("fingerprint", ""),
        limits=LIMITS,
    )


app = typer.Typer(add_completion=False)


@app.command(epilog=shared.EXIT_CODES)
def main(
    step: shared.StepArgument,
    log: Annotated[str | None, Option(help="Parquet of rounds; else they are made up.")] = None,
    runs: Annotated[pathlib.Path | None, Option(help="Folder for results.")] = None,
    base: Annotated[pathlib.Path | None, Option(help="Folder of versions.")] = None,
    user: Annotated[str | None, Option(help="Whom `query` is for; else the last one.")] = None,
    seed: Annotated[int, Option(min=0, help="Decides the made-up rounds and the choice.")] = 1,
    smoke: Annotated[bool, Option(help="All of it small, in seconds.")] = False,
) -> None:
    """Tunes, trains, exports and queries a bandit for recurring notifications."""
    label = "-".join([pathlib.Path(log).stem if log else "made-up", *["smoke"] * smoke])
    runs = runs or pathlib.Path("runs", "notifications", label)
    base = base or pathlib.Path("saved_models", f"notifications-{label}")
    settings = Settings(log, runs, base, user, seed, smoke)
    with shared.one_line_errors(), files.hold_folder(runs):
        if step in (shared.Step.INSPECT, shared.Step.RECOMMEND):
            raise ValueError(f"this recipe has no `{step.value}`: its rounds are as the docs say")
        steps = (tune, train, export, query)
        chosen = [f for f in steps if step.value in ("all", f.__name__)]
        for function in chosen:
            shared.announce(function)
            function(settings)
        shared.show_next(runs, base, chosen[-1], steps)


if __name__ == "__main__":
    app()

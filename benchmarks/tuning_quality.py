"""Does a search find better models than the defaults at an equal number of trainings?

A random and a local search of `--trials` trainings each, both beginning with the defaults, beside
trainings of the defaults that differ in their seed alone; from each, the best on the validation
part is taken to the test part. How the draws of random trials fall is luck too, so their outcome
after k trainings is averaged over draws from all of them (Dodge et al., 2019, Show Your Work,
arXiv:1909.03004). The two best other trials and the defaults then train with fresh seeds,
`tuning.confirm`. The same command goes on where it was stopped.

Run: python -m benchmarks.tuning_quality retrieval --path FOLDER
     python -m benchmarks.tuning_quality ranking --path FOLDER
"""

import argparse
import json
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks import tuning_problem
from benchmarks.timing import write
from benchmarks.tuning_problem import Problem, Tested
from tfrs_ext import tuning
from tfrs_ext._keras import keras

SEEDS = (101, 102, 103)
DRAWS = 10_000
FINALISTS = 2


def search(
    kind: Any, name: str, problem: Problem, folder: pathlib.Path, trials: int, fit: dict[str, Any]
) -> Any:
    """Searches; the first trial is the defaults."""
    tuner = kind(
        Tested(problem, folder / f"{name}.jsonl"),
        problem.objective,
        max_trials=trials,
        seed=1,
        hyperparameters=problem.space(),
        tune_new_entries=False,
        directory=folder,
        project_name=name,
    )
    result = tuning.search(tuner, problem.train, **fit)
    print(result.table(), flush=True)
    return result


def train_defaults(problem: Problem, folder: pathlib.Path, runs: int, fit: dict[str, Any]) -> None:
    """Trains the defaults with seeds of their own, those that the log lacks."""
    log = folder / "defaults.jsonl"
    tested = Tested(problem, log)
    for seed in range(len(lines(log)), runs):
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        hp = tuning.fixed({})
        tested.fit(hp, tested.build(hp), problem.train, verbose=0, **fit)
        print(f"defaults, seed {seed}: {lines(log)[-1]}", flush=True)


def lines(path: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the trainings that a log holds."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def best_of(
    runs: list[dict[str, Any]], number: int, always: Sequence[dict[str, Any]] = ()
) -> float:
    """Returns the test value of the best of so many trainings, the mean over draws of them.

    Args:
        runs: Drawn from, with replacement.
        number: How many to draw.
        always: Trainings that are there in every draw, as the defaults are in a search.
    """
    drawn = np.random.default_rng(0).integers(0, len(runs), (DRAWS, number))
    draws = ([*always, *(runs[i] for i in row)] for row in drawn)
    best = (max(draw, key=lambda run: run["validation"]) for draw in draws)
    return float(np.mean([run["test"] for run in best]))


def best_after(runs: list[dict[str, Any]], number: int) -> float:
    """Returns the test value of the best of the first so many trials of a search."""
    return float(max(runs[:number], key=lambda run: run["validation"])["test"])


def by_trainings(runs: dict[str, list[dict[str, Any]]], trials: int) -> list[dict[str, float]]:
    """Returns what each way has reached after so many trainings."""
    return [
        {
            "trainings": number,
            "random": best_of(runs["random"][1:], number - 1, runs["random"][:1]),
            "local": best_after(runs["local"], number),
            "defaults": best_of(runs["defaults"], number),
        }
        for number in (1, 2, 4, 8, 12, 16)
        if number <= trials
    ]


def defaults_of(result: Any) -> dict[str, Any]:
    """Returns the values of the first trial."""
    return next(row["values"] for row in result.trials if int(row["trial"]) == 0)


def finalists(found: Iterable[Any]) -> list[dict[str, Any]]:
    """Returns the best trials other than the defaults: one seed may flatter those."""
    others = [
        row
        for result in found
        for row in result.trials
        if row["score"] is not None and row["values"] != defaults_of(result)
    ]
    return [row["values"] for row in sorted(others, key=lambda row: -row["score"])[:FINALISTS]]


def measure(problem: Problem, folder: pathlib.Path, args: argparse.Namespace) -> dict[str, Any]:
    """Returns all that was found."""
    stop = keras.callbacks.EarlyStopping(problem.objective.name, mode="max", patience=1)
    callbacks = [*problem.fit.get("callbacks", []), stop]
    fit = {**problem.fit, "callbacks": callbacks, "epochs": args.epochs}
    kinds = {"random": tuning.RandomSearch, "local": tuning.LocalSearch}
    found = {n: search(kind, n, problem, folder, args.trials, fit) for n, kind in kinds.items()}
    final = tuning.confirm(
        Tested(problem, folder / "confirm.jsonl", report_test=True),
        [{}, *finalists(found.values())],
        problem.train,
        objective=tuning.Objective("test", "max"),
        seeds=SEEDS,
        path=folder / "confirm.json",
        **fit,
    )
    print(final.table(), flush=True)
    train_defaults(problem, folder, args.defaults, fit)
    runs = {name: lines(folder / f"{name}.jsonl") for name in (*kinds, "defaults", "confirm")}
    default = defaults_of(found["random"]).items()
    runs["defaults"] += [run for run in runs["confirm"] if default <= run["values"].items()]
    return {
        "searches": {name: result.get_config() for name, result in found.items()},
        "confirmation": final.get_config(),
        "by_trainings": by_trainings(runs, args.trials),
        "seconds": {name: sum(run["seconds"] for run in of) for name, of in runs.items()},
        "runs": runs,
    }


def main() -> None:
    """Prints the tables and writes benchmarks/results/tuning_quality_TASK.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=list(tuning_problem.PROBLEMS))
    parser.add_argument("--path", required=True)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/tuning_quality"))
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--defaults", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()
    tuning_problem.use_one_thread()
    problem = tuning_problem.PROBLEMS[args.task](args.path, args.rows)
    folder = args.runs / args.task
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"task": args.task, "rows": args.rows, "epochs": args.epochs}
    write(f"tuning_quality_{args.task}", {**asked, **measure(problem, folder, args)})


if __name__ == "__main__":
    main()

"""Does a search find better models than the defaults at an equal number of trainings?

A random search of `--trials` trainings, beside as many trainings of the defaults that differ in
their seed alone; from both, the best on the validation part is taken to the test part. Which trials
a search draws is luck too, so the outcome of k trainings is averaged over draws from all of them
(Dodge et al., 2019, Show Your Work, arXiv:1909.03004). The search's choice and the defaults then
train with fresh seeds, `tuning.confirm`. The same command goes on where it was stopped.

Run: python -m benchmarks.tuning_quality retrieval --path FOLDER
"""

import argparse
import json
import pathlib
from typing import Any

import numpy as np

from benchmarks import tuning_problem
from benchmarks.timing import write
from benchmarks.tuning_problem import Problem, Tested
from tfrs_ext import tuning
from tfrs_ext._keras import keras

SEEDS = (101, 102, 103)
DRAWS = 10_000


def search(problem: Problem, folder: pathlib.Path, trials: int, fit: dict[str, Any]) -> Any:
    """Searches at random; the first trial is the defaults."""
    tuner = tuning.RandomSearch(
        Tested(problem, folder / "search.jsonl"),
        problem.objective,
        max_trials=trials,
        seed=1,
        hyperparameters=problem.space(),
        tune_new_entries=False,
        directory=folder,
        project_name="search",
    )
    return tuning.search(tuner, problem.train, **fit)


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


def best_of(runs: list[dict[str, Any]], number: int) -> dict[str, float]:
    """Returns the test value of the best of so many trainings, over draws of trainings."""
    validation, test = (np.array([run[part] for run in runs]) for part in ("validation", "test"))
    drawn = np.random.default_rng(0).integers(0, len(runs), (DRAWS, number))
    chosen = test[np.take_along_axis(drawn, validation[drawn].argmax(1)[:, None], 1)[:, 0]]
    low, high = np.quantile(chosen, [0.05, 0.95])
    return {"trainings": number, "test": chosen.mean(), "low": low, "high": high}


def measure(problem: Problem, folder: pathlib.Path, args: argparse.Namespace) -> dict[str, Any]:
    """Returns all that was found."""
    stop = keras.callbacks.EarlyStopping(problem.objective.name, mode="max", patience=1)
    callbacks = [*problem.fit.get("callbacks", []), stop]
    fit = {**problem.fit, "callbacks": callbacks, "epochs": args.epochs}
    result = search(problem, folder, args.trials, fit)
    print(result.table(), flush=True)
    train_defaults(problem, folder, args.defaults, fit)
    final = tuning.confirm(
        Tested(problem, folder / "confirm.jsonl", report_test=True),
        [{}, result.best],
        problem.train,
        objective=tuning.Objective("test", "max"),
        seeds=SEEDS,
        path=folder / "confirm.json",
        **fit,
    )
    print(final.table(), flush=True)
    runs = {"search": lines(folder / "search.jsonl"), "defaults": lines(folder / "defaults.jsonl")}
    numbers = [k for k in (1, 2, 4, 8, 12, 16) if k <= args.trials]
    return {
        "search": result.get_config(),
        "confirmation": final.get_config(),
        "best_of": {name: [best_of(of, k) for k in numbers] for name, of in runs.items()},
        "seconds": {name: sum(run["seconds"] for run in of) for name, of in runs.items()},
        "runs": runs,
    }


def main() -> None:
    """Prints the tables and writes benchmarks/results/tuning_quality_TASK.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["retrieval"])
    parser.add_argument("--path", required=True)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/tuning_quality"))
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--defaults", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    tuning_problem.use_one_thread()
    problem = tuning_problem.retrieval(args.path, rows=args.rows, queries=3_000, tests=5_000)
    folder = args.runs / args.task
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"task": args.task, "rows": args.rows, "epochs": args.epochs}
    write(f"tuning_quality_{args.task}", {**asked, **measure(problem, folder, args)})


if __name__ == "__main__":
    main()

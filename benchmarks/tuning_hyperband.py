"""What Hyperband costs beside a random search, at the quality that both reach.

Both search rankers of MovieLens-1M over the same space with the same seeds. Cost is counted in
epochs trained and in seconds, until the best so far on the validation part first reaches the lower
of both searches' final bests. `median stopping` is the random search, less the epochs that
`tuning.search` saves where it ends hopeless trials: it is read off the same curves. The same
command goes on where it was stopped.

Run: python -m benchmarks.tuning_hyperband --path FOLDER
"""

import argparse
import itertools
import pathlib
import statistics
from typing import Any

from benchmarks import tuning_problem
from benchmarks.timing import write
from benchmarks.tuning_problem import Problem
from tfrs_ext import tuning

Step = tuple[float, float, float]  # Epochs and seconds since the last step, and the value.


def search(kind: Any, name: str, problem: Problem, args: argparse.Namespace, seed: int) -> Any:
    """Runs one search to its end."""
    limits = {
        "random": {"max_trials": args.trials},
        "hyperband": {"max_epochs": args.epochs, "factor": 3},
    }
    tuner = kind(
        problem.hypermodel,
        problem.objective,
        seed=seed,
        hyperparameters=problem.space(),
        tune_new_entries=False,
        directory=args.runs,
        project_name=f"{name}_{seed}",
        **limits[name],
    )
    return tuning.search(
        tuner, problem.train, stop_hopeless=False, seed=seed, epochs=args.epochs, **problem.fit
    )


def steps_of(result: Any, *, stops: bool = False) -> list[Step]:
    """Returns what every epoch of a search cost and found, in the order of the trials.

    Args:
        result: Of the search.
        stops: Whether hopeless trials end as `tuning.search` would have ended them.
    """
    steps: list[Step] = []
    finished: list[list[float]] = []
    for row in sorted(result.trials, key=lambda row: int(row["trial"])):
        values = [value for _, value in row["curve"]]
        seconds = row["seconds"] / max(len(values), 1)
        ends = (
            n
            for n in range(1, len(values))
            if tuning.is_hopeless(values[:n], finished, maximize=True)
        )
        values = values[: next(ends, len(values))] if stops else values
        steps += [(1.0, seconds, value) for value in values]
        finished.append(values)
    return steps


def cost_of(steps: list[Step], quality: float) -> dict[str, float]:
    """Returns the epochs and seconds until a value first reaches the quality."""
    before = list(itertools.takewhile(lambda step: step[2] < quality, steps))
    spent = steps[: len(before) + 1]
    return {"epochs": sum(s[0] for s in spent), "seconds": sum(s[1] for s in spent)}


def compare(problem: Problem, args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Returns both searches' costs, and what each found in the end."""
    random = search(tuning.RandomSearch, "random", problem, args, seed)
    band = search(tuning.Hyperband, "hyperband", problem, args, seed)
    ways = {
        "random": steps_of(random),
        "median stopping": steps_of(random, stops=True),
        "hyperband": steps_of(band),
    }
    quality = min(max(step[2] for step in steps) for steps in ways.values())
    report = {
        name: {
            "best": max(step[2] for step in steps),
            "whole": cost_of(steps, float("inf")),
            "until_equal": cost_of(steps, quality),
        }
        for name, steps in ways.items()
    }
    print(seed, quality, report, flush=True)
    return {"seed": seed, "quality": quality, **report}


def main() -> None:
    """Prints the costs and writes benchmarks/results/tuning_hyperband.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/tuning_hyperband"))
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--trials", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    tuning_problem.use_one_thread()
    problem = tuning_problem.ranking(args.path, args.rows)
    runs = [compare(problem, args, seed) for seed in args.seeds]
    means = {
        name: {
            unit: statistics.fmean(run[name]["until_equal"][unit] for run in runs)
            for unit in ("epochs", "seconds")
        }
        for name in ("random", "median stopping", "hyperband")
    }
    asked = {"rows": args.rows, "epochs": args.epochs, "trials": args.trials}
    write("tuning_hyperband", {**asked, "until_equal": means, "runs": runs})


if __name__ == "__main__":
    main()

"""Runs every program with TFRS's classes, with ours, and with our advice; prints the figures.

Run: python -m benchmarks.migration --path FOLDER
"""

import argparse
import pathlib
import statistics
from collections.abc import Callable

from benchmarks.migration.libraries import OURS, THEIRS, Library, advised
from benchmarks.migration.listwise import listwise
from benchmarks.migration.outcome import Outcome
from benchmarks.migration.problem import Problem
from benchmarks.migration.ranking import basic_ranking, cross_network, multi_task
from benchmarks.migration.retrieval import basic_retrieval, deep_towers, featurization, sequential
from benchmarks.migration.serving import efficient_serving
from benchmarks.migration.table import write_table
from benchmarks.timing import write
from tfrs_ext import data
from tfrs_ext._keras import keras

PROGRAMS: tuple[Callable[[Library, Problem], Outcome], ...] = (
    basic_retrieval,
    basic_ranking,
    featurization,
    deep_towers,
    multi_task,
    cross_network,
    listwise,
    efficient_serving,
    sequential,
)
# What isn't changed by our advice, which is of losses of retrieval and of lists.
WITHOUT_ADVICE = (basic_ranking, cross_network, efficient_serving)


def measure(
    program: Callable[[Library, Problem], Outcome], library: Library, problem: Problem, seeds: int
) -> dict[str, float]:
    """Returns the medians of a program's figures and seconds over seeds."""
    runs = []
    for seed in range(seeds):
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        outcome = program(library, problem)
        seconds = {f"seconds to {part}": spent for part, spent in outcome.seconds.items()}
        runs.append({**outcome.figures, **seconds})
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    """Runs what the command line names, and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", type=pathlib.Path, required=True, help="folder of MovieLens-100k")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="part of a program's name")
    options = parser.parse_args()
    problem = Problem.of(data.load_movielens("100k", options.path))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for program in PROGRAMS:
        if options.only not in program.__name__:
            continue
        libraries = [THEIRS, OURS]
        if program not in WITHOUT_ADVICE:
            libraries.append(advised(problem))
        found[program.__name__] = {
            library.name: measure(program, library, problem, options.seeds) for library in libraries
        }
        print(program.__name__, found[program.__name__], flush=True)
    if not options.only:
        write_table(found)
    write("migration", {"data": "MovieLens-100k", "seeds": options.seeds, "programs": found})


if __name__ == "__main__":
    main()

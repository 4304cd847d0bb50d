"""The baselines on real data, each with its defaults and with tuned arguments; and how they scale.

`quality`: every baseline on one split; arguments are chosen on the validation part, one random
trial after the other, and figures are those of the test part. `scale`: fitting and answering on a
made-up log of many items.

Run: python -m benchmarks.baselines quality --data movielens-1m --path FOLDER --split leave-one-out
     python -m benchmarks.baselines scale --items 100000
"""

import argparse
import time
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.ledger import Ledger
from benchmarks.timing import write
from recipes.shared import DataSource
from tfrs_ext import baselines, data, evaluation, tuning

KS = (10, 100)
SHOWN = ("hit_rate_at_10", "ndcg_at_10", "hit_rate_at_100", "ndcg_at_100")


class Problem:
    """A data set, split, with the questions of both held-out parts."""

    def __init__(self, source: DataSource) -> None:
        frames = source.load()
        split = source.split_frames(frames)
        features, known = data.fit_features(split.train), data.join(split.train, split.validation)
        self.count = len(frames.items)
        self.histories, self.times = (
            data.item_histories(split.train),
            data.history_times(split.train),
        )
        self.validation = data.next_item_queries(
            split.validation, features, history_from=split.train, max_queries=20_000
        )
        self.test = data.next_item_queries(
            split.test, features, history_from=known, max_queries=20_000
        )

    def fit(self, name: str, **arguments: Any) -> baselines.Baseline:
        """Returns the baseline of a name, fitted to the training part."""
        baseline = baselines.make_baseline(name, self.count, **arguments)
        return baseline.fit(self.histories, times=self.times, print_fn=print)

    def judge(
        self, baseline: baselines.Baseline, asked: data.EvaluationQueries
    ) -> evaluation.RetrievalResult:
        """Returns how well a baseline ranks, what a user has seen left out."""
        return evaluation.evaluate_scores(
            baseline, asked.histories, asked.positives, asked.seen, KS, num_candidates=self.count
        )


def quality(problem: Problem, ledger: Ledger, names: list[str], trials: int, **key: Any) -> None:
    """Every baseline with its defaults, and with what validation chose among some trials."""
    for name in names:
        ledger.run(lambda name=name: measure(problem, name, {}), name=name, trials=0, **key)
        if trials:
            ledger.run(
                lambda name=name: tuned(problem, name, trials), name=name, trials=trials, **key
            )


def tuned(problem: Problem, name: str, trials: int) -> dict[str, Any]:
    """Measures with the best arguments of some trials."""
    best = choose(problem, name, trials)
    return {**measure(problem, name, best), "arguments": best}


def measure(problem: Problem, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Fits, and asks the test part once."""
    start = time.perf_counter()
    baseline = problem.fit(name, **arguments)
    fitted = time.perf_counter()
    summary = problem.judge(baseline, problem.test).summary()
    seconds = {"fit_s": fitted - start, "test_s": time.perf_counter() - fitted}
    return {**{metric: summary[metric] for metric in SHOWN}, **seconds}


def choose(problem: Problem, name: str, trials: int) -> dict[str, Any]:
    """Returns the arguments with the best NDCG@10 on the validation part; none without a choice."""
    variant, hp = baselines.BASELINES[name], tuning.HyperParameters()
    variant.search_space(hp)
    tried: dict[str, tuple[float, dict[str, Any]]] = {}
    for seed in range(trials if hp.space else 0):
        values = {p.name: p.random_sample(seed) for p in hp.space} if seed else hp.values
        arguments = variant.search_space(tuning.fixed(values))
        if str(arguments) not in tried:
            found = problem.judge(problem.fit(name, **arguments), problem.validation)
            tried[str(arguments)] = (found["ndcg_at_10"], arguments)
    return max(tried.values(), key=lambda pair: pair[0])[1] if tried else {}


def scale(items: int, users: int, length: int, queries: int) -> dict[str, Any]:
    """Processor time of fitting and of answering, on a log whose items are drawn by Zipf's law."""
    rng = np.random.default_rng(0)
    chances = 1.0 / np.arange(1, items + 1) ** 0.8
    drawn = rng.choice(items, users * length, p=chances / chances.sum())
    histories = tf.RaggedTensor.from_uniform_row_length(tf.constant(drawn), length)
    asked, rows = histories[:queries], {}
    for name in ("popularity", "successors", "item_to_item", "user_to_item"):
        start = time.process_time()
        baseline = baselines.make_baseline(name, items).fit(histories)
        fitted = time.process_time()
        baseline.recommend(asked, 100)
        answered = time.process_time()
        rows[name] = {"fit_s": fitted - start, "ms_a_query": 1e3 * (answered - fitted) / queries}
        print(name, rows[name], flush=True)
    try:
        baselines.make_baseline("ease", items).fit(histories)
    except ValueError as error:
        rows["ease"] = str(error)
    return {"items": items, "users": users, "entries": users * length, "queries": queries, **rows}


def main() -> None:
    """Prints the tables and writes benchmarks/results/baselines*.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("quality", "scale"))
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--path")
    parser.add_argument("--split", default="leave-one-out")
    parser.add_argument("--names", nargs="*", default=[])
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--items", type=int, default=100_000)
    options = parser.parse_args()
    if options.part == "scale":
        write("baselines_scale", scale(options.items, 50_000, 20, 500))
        return
    problem = Problem(DataSource(options.data, options.path, split=options.split))
    names = options.names or [n for n in baselines.BASELINES if n != "popularity_by_group"]
    key = {"data": options.data, "split": options.split, "queries": len(problem.test.user_rows)}
    quality(problem, Ledger("baselines"), names, options.trials, **key)


if __name__ == "__main__":
    main()

"""One model that ranks on one problem: it predicts in a process of its own, and is scored here."""

import pandas as pd

from benchmarks.ledger import Row
from benchmarks.peers.contest import answers_of, check, cost_of, keep
from benchmarks.peers.environments import OURS
from benchmarks.peers.ranking_problem import METRICS, RankingProblem


def measure(problem: RankingProblem, contestant: str, spec: Row) -> Row:
    """Returns the row of a contestant: `environment:model`, or the name of a model of ours."""
    environment = contestant.split(":")[0] if ":" in contestant else OURS
    with answers_of(problem, contestant, spec, environment, f"rank_{environment}") as out:
        answers = pd.read_parquet(out / "answers.parquet")
        scores = problem.score(answers)
        problem.wanted.to_parquet(out / "wanted.parquet", index=False)
        row = {
            **{metric: scores[metric] for metric in METRICS},
            **cost_of(out, "auc"),
            **check(out, scores, "scikit_learn", "rank_check"),
        }
    keep(problem.by_row(answers), problem.name, contestant, spec["seed"])
    return row

"""What the corrections of sampled softmax are worth: none, logQ, corrected logQ by source.

Every cell (a correction and a source of negatives) trains the same towers for as many steps. Its
learning rate is tuned on the validation part with seed 0, at half the steps: the best of a grid,
which is extended while the best lies at its edge. Then fresh seeds train at that rate and are asked
about the test part: each held-out row is a query, the user as just before it; the whole catalogue
is ranked, less what the user has seen; rows of items that training never saw are left out, since
towers of ids can't know them. Ties count against the model.

With uniform negatives Q is one constant, which cancels in logQ: `none` and `logq` are the same
loss, and are trained once. `full`, the softmax over the whole catalogue, is what all estimate.

Run: python -m benchmarks.logq_quality --data ml-1m --path FOLDER
     python -m benchmarks.logq_quality --data amazon-beauty-2014 --path FOLDER
"""

import argparse
import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks.ledger import Ledger, Row, figure
from tfrs_ext import (
    data,
    evaluation,
    frequencies,
    layers,
    losses,
    models,
    negatives,
    optimizers,
    tasks,
)

SOURCES = ("in_batch", "uniform", "mixed")
CORRECTIONS = ("none", "logq", "corrected")
CELLS = [(s, c) for s in SOURCES for c in CORRECTIONS if (s, c) != ("uniform", "none")]
CELLS.append(("catalogue", "full"))
RATES = (0.001, 0.003, 0.01)  # In steps of about 3.
BATCH, HISTORY, WIDTH, HIDDEN = 512, 20, 32, (64,)
KS = (10, 20, 100)
METRICS = [f"{name}_at_{k}" for name in ("recall", "ndcg") for k in KS]
Column = tuple[str, str | None]
THIRDS = {"head": range(1), "middle": range(1, 5), "tail": range(5, 10)}  # Deciles of the items.


@dataclasses.dataclass(frozen=True)
class Problem:
    """A data set at the global-time split, and what towers of ids need of it."""

    frames: data.Frames
    split: data.Split
    queries: int

    @classmethod
    def load(cls, name: str, path: str, queries: int) -> "Problem":
        """Loads MovieLens-1M, or a folder with `interactions.parquet`."""
        is_movielens = name == "ml-1m"
        frames = (
            data.load_movielens("1m", path)
            if is_movielens
            else data.load_frames(f"{path}/interactions.parquet")
        )
        return cls(frames, data.global_time_split(frames), queries)

    @functools.cached_property
    def features(self) -> data.FeatureSet:
        """The history alone on one side, the id alone on the other."""
        whole = data.fit_features(self.split.train, history_length=HISTORY)
        return data.FeatureSet((whole.history,), whole.candidate[:1])

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How often training has each item of the catalogue, `[C]`."""
        return np.bincount(self.split.train.item_rows(), minlength=len(self.frames.items))

    @functools.cached_property
    def deciles(self) -> np.ndarray:
        """The popularity decile of each item that training has, 0 the most popular; -1 else."""
        known = np.flatnonzero(self.counts)
        deciles = np.full(len(self.counts), -1)
        deciles[known] = evaluation.popularity_groups(self.counts[known])
        return deciles

    @functools.cached_property
    def ids(self) -> np.ndarray:
        """The ids of the items that training has."""
        return self.frames.items[self.frames.schema.item_id].to_numpy()[self.counts > 0]

    @functools.cached_property
    def validation(self) -> data.EvaluationQueries:
        """Questions that choose learning rates."""
        return self._queries(self.split.validation, self.split.train, self.queries // 3)

    @functools.cached_property
    def test(self) -> data.EvaluationQueries:
        """Questions that are reported."""
        known = data.join(self.split.train, self.split.validation)
        return self._queries(self.split.test, known, self.queries)

    def _queries(self, part: data.Frames, known: data.Frames, size: int) -> data.EvaluationQueries:
        part = part.select(np.flatnonzero(self.counts[part.item_rows()]))
        return data.next_item_queries(part, self.features, history_from=known, max_queries=size)

    def catalogue(self) -> negatives.Catalogue:
        """All items that training has, to draw from."""
        name = self.features.candidate[0].name
        return negatives.Catalogue({name: self.ids}, name)


def loss_of(correction: str) -> losses.RetrievalLoss:
    """Returns the loss with a correction."""
    return {
        "none": losses.SampledSoftmax(),
        "logq": losses.SampledSoftmax(correction="logq"),
        "corrected": losses.CorrectedSampledSoftmax(),
        "full": losses.FullSoftmax(),
    }[correction]


class Cell:
    """Towers with one loss and one source, traced once and trained many times from the start."""

    def __init__(self, problem: Problem, source: str, correction: str) -> None:
        self.problem, self.source, self.correction = problem, source, correction
        self.uniform = negatives.Uniform(problem.catalogue(), BATCH, seed=0)
        self.model = self._towers(self._task())
        self.model.compile(optimizers.LazyAdam())

    def _task(self) -> tasks.Retrieval:
        counts = self.problem.counts
        in_batch = negatives.InBatch(
            frequencies.CountedFrequency(self.problem.ids, counts[counts > 0])
        )
        source = {
            "in_batch": lambda: in_batch,
            "uniform": lambda: self.uniform,
            "mixed": lambda: negatives.Mixed([in_batch, self.uniform]),
            "catalogue": lambda: negatives.WholeCatalogue(self.problem.catalogue()),
        }[self.source]()
        return tasks.Retrieval(
            loss=loss_of(self.correction),
            temperature=layers.LearnableTemperature(0.1),  # Each loss finds its own.
            negatives=source,
            remove_accidental_hits=True,
        )

    def _towers(self, task: tasks.Retrieval) -> models.TwoTower:
        features = self.problem.features
        return models.TwoTower.from_features(
            features.query, features.candidate, task, embedding_dim=WIDTH, hidden_units=HIDDEN
        )

    def train(self, rate: float, seed: int, steps: int) -> models.TwoTower:
        """Returns the towers, trained from the seed's initial weights."""
        tf.keras.utils.set_random_seed(seed)
        fresh = self._towers(self._task())
        self.model.set_weights(fresh.get_weights())
        self.uniform.calls.assign(seed * 1_000_000)  # Other draws for each seed.
        for variable in self.model.optimizer.variables:
            variable.assign(tf.zeros_like(variable))
        self.model.optimizer.learning_rate.assign(rate)
        batches = data.training_dataset(
            self.problem.split.train, self.problem.features, BATCH, seed=seed, drop_remainder=True
        )
        self.model.fit(batches.repeat().take(steps), verbose=0)
        return self.model


def evaluate(problem: Problem, model: models.TwoTower, part: str) -> evaluation.RetrievalResult:
    """Ranks the catalogue for each question of a part."""
    questions = getattr(problem, part)
    catalogue = data.candidates_dataset(problem.frames, problem.features, 4096)
    return evaluation.evaluate_retrieval(
        model.query_model.predict(questions.queries, 4096, verbose=0),
        model.candidate_model.predict(catalogue, verbose=0),
        questions.positives,
        seen=questions.seen,
        ks=KS,
    )


def tune(ledger: Ledger, cell: Cell, steps: int) -> float:
    """Returns the learning rate with the best NDCG@10 on the validation part."""
    found: dict[float, float] = {}

    def validate(rate: float) -> None:
        def call() -> Row:
            model = cell.train(rate, 0, steps)
            return {"ndcg_at_10": evaluate(cell.problem, model, "validation")["ndcg_at_10"]}

        key = {"source": cell.source, "correction": cell.correction, "rate": rate, "steps": steps}
        found[rate] = ledger.run(call, stage="tune", **key)["ndcg_at_10"]

    for rate in RATES:
        validate(rate)
    while (best := max(found, key=lambda rate: found[rate])) in (min(found), max(found)):
        further = best / 3 if best == min(found) else best * 3
        if not 1e-4 < further < 0.3:
            break
        validate(float(f"{further:.1g}"))
    return best


def test(ledger: Ledger, cell: Cell, rate: float, seed: int, steps: int) -> None:
    """Keeps what one seed of a cell reaches on the test part, whole and by decile."""
    problem = cell.problem

    def call() -> Row:
        result = evaluate(problem, cell.train(rate, seed, steps), "test")
        decile = problem.deciles[problem.test.positives.values.numpy()]
        groups = {str(d + 1): result.subset(decile == d) for d in range(10)}
        for name, members in THIRDS.items():
            groups[name] = result.subset(np.isin(decile, members))
        whole = {name: result[name] for name in METRICS}
        return {**whole, "groups": {g: {m: r[m] for m in METRICS} for g, r in groups.items()}}

    key = {"source": cell.source, "correction": cell.correction, "rate": rate, "steps": steps}
    ledger.run(call, stage="test", **key, seed=seed)


def values(ledger: Ledger, cell: tuple[str, str], metric: str, group: str | None) -> list[float]:
    """Returns a metric of one cell, one value a seed, in the order of the seeds."""
    rows = ledger.find(stage="test", source=cell[0], correction=cell[1])
    rows = sorted(rows, key=lambda row: row["seed"])
    return [(row["groups"][group] if group else row)[metric] for row in rows]


def show(ledger: Ledger) -> None:
    """Prints the tables in Markdown: means, and differences to logQ, seed by seed."""
    whole = [(name, None) for name in METRICS]
    thirds = [(name, third) for name in ("recall_at_20", "ndcg_at_100") for third in THIRDS]
    deciles = [("recall_at_100", str(decile)) for decile in range(1, 11)]
    _table(ledger, whole, _mean)
    _table(ledger, whole, _difference)
    _table(ledger, thirds, _mean)
    _table(ledger, thirds, _difference)
    _table(ledger, deciles, lambda *place: _mean(*place).split(" ")[0])


def _table(ledger: Ledger, columns: Sequence[Column], cell_of: Callable[..., str]) -> None:
    heads = [f"{metric.replace('_at_', '@')} {group or ''}".strip() for metric, group in columns]
    print(f"\n| negatives | correction | {' | '.join(heads)} |")
    print("|---|---|" + "---|" * len(heads))
    for source, correction in CELLS:
        cells = [cell_of(ledger, (source, correction), *column) for column in columns]
        label = "none, logq" if (source, correction) == ("uniform", "logq") else correction
        if any(cells):
            print(f"| {source} | {label} | {' | '.join(cells)} |")


def _mean(ledger: Ledger, cell: tuple[str, str], metric: str, group: str | None) -> str:
    found = values(ledger, cell, metric, group)
    return figure(found) if found else ""


def _difference(ledger: Ledger, cell: tuple[str, str], metric: str, group: str | None) -> str:
    ours = values(ledger, cell, metric, group)
    theirs = values(ledger, (cell[0], "logq"), metric, group)
    if cell[1] == "logq" or not ours or not theirs:
        return ""
    return figure([a - b for a, b in zip(ours, theirs, strict=True)], "+")


def main() -> None:
    """Trains what is missing and prints the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", choices=["ml-1m", "amazon-beauty-2014"], default="ml-1m")
    parser.add_argument("--path", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--no-full", action="store_true", help="Leave the full softmax out.")
    parser.add_argument("--queries", type=int, default=9_000)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    problem = Problem.load(args.data, args.path, args.queries)
    facts = {
        "data": args.data,
        "batch": BATCH,
        "steps": args.steps,
        "epochs": args.steps * BATCH / len(problem.split.train.interactions),
        "items": len(problem.ids),
        "queries": len(problem.test.user_rows),
        "rows_of_unknown_items": float(
            (problem.counts[problem.split.test.item_rows()] == 0).mean()
        ),
    }
    name = f"logq_quality_{args.data.replace('-', '_')}"
    chosen = CELLS[:-1] if args.no_full else CELLS
    ledger = Ledger(name, facts, total=len(chosen) * (len(RATES) + args.seeds))
    cells = [Cell(problem, *cell) for cell in chosen]
    rates = [tune(ledger, cell, args.steps // 2) for cell in cells]
    for seed in range(1, args.seeds + 1):
        for cell, rate in zip(cells, rates, strict=True):
            test(ledger, cell, rate, seed, args.steps)
    show(ledger)


if __name__ == "__main__":
    main()

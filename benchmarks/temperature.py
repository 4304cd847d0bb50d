"""What the temperature of a softmax does: plots and a table from real trainings.

Towers of ids and histories learn with the softmax over the whole catalogue, so that nothing is
sampled and nothing is corrected: what differs is the temperature alone. Held-out rows are queries.
Plots go to `docs/images`, figures to `benchmarks/results/temperature.json`; a training that is in
that file is not run again.

Run: python -m benchmarks.temperature [--path ML-100K-FOLDER] [--seeds 3]
"""

import argparse
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.ledger import Ledger, Row, figure
from benchmarks.plots import plot, table
from tfrs_ext import (
    data,
    evaluation,
    layers,
    losses,
    models,
    negatives,
    optimizers,
    report,
    tasks,
)
from tfrs_ext._keras import keras

TEMPERATURES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
DRAWN = (0.02, 0.1, 0.5)  # Those that have lines of their own.
STARTS = (0.02, 0.1, 0.5)
LOOKED_AT = tuple(float(t) for t in np.geomspace(0.01, 1.0, 17))
BATCH, WIDTH, HISTORY, QUERIES, PAIRS = 1024, 32, 20, 2_000, 2_000


@dataclasses.dataclass(frozen=True)
class Study:
    """The data, and what every training has in common."""

    name: str
    frames: data.Frames
    epochs: int

    @functools.cached_property
    def split(self) -> data.Split:
        """Each user's last row is the test, the one before it the validation."""
        return data.leave_one_out(self.frames)

    @functools.cached_property
    def features(self) -> data.FeatureSet:
        """The columns, as the training part has them."""
        return data.fit_features(self.split.train, history_length=HISTORY)

    @functools.cached_property
    def test(self) -> data.EvaluationQueries:
        """The held-out rows, the user as just before each."""
        known = data.join(self.split.train, self.split.validation)
        return data.next_item_queries(
            self.split.test, self.features, history_from=known, max_queries=QUERIES
        )

    @functools.cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each item occurs in the training part."""
        rows = self.split.train.item_rows()
        return np.bincount(rows, minlength=len(self.frames.items)).astype(np.int64)

    def train(
        self, temperature: float | keras.layers.Layer | None, seed: int, *watchers: Any
    ) -> models.TwoTower:
        """Returns a model of unit vectors, or of any length where there is no temperature."""
        keras.utils.set_random_seed(seed)
        ids = self.frames.items[self.frames.schema.item_id].to_numpy()
        model = models.TwoTower.from_features(
            self.features.query,
            self.features.candidate[:1],
            tasks.Retrieval(
                losses.FullSoftmax(),
                temperature=temperature,
                negatives=negatives.WholeCatalogue(
                    negatives.Catalogue(
                        {self.frames.schema.item_id: ids}, self.frames.schema.item_id
                    )
                ),
            ),
            embedding_dim=WIDTH,
            hidden_units=(),
            normalize=temperature is not None,
        )
        model.compile(optimizers.LazyAdam(0.01))
        batches = data.training_dataset(self.split.train, self.features, BATCH, seed=seed)
        model.fit(batches, epochs=self.epochs, callbacks=list(watchers), verbose=0)
        return model

    def measure(self, model: models.TwoTower, temperature: float) -> Row:
        """Returns the geometry of the embeddings, their softmax, and what they find and show."""
        queries = model.query_model.predict(self.test.queries, 4096, verbose=0)
        columns = data.item_columns(self.frames, self.features)
        items = model.candidate_model.predict(columns, 4096, verbose=0)
        positives = self.test.positives
        scores = queries @ items.T
        _, lists = evaluation.top_candidates(
            lambda rows: scores[rows], np.arange(len(queries)), 10, seen=self.test.seen
        )
        shown = {"model": lists, "users": positives.values.numpy()}
        tenths = report.exposure_by_popularity(shown, self.counts)
        found = evaluation.evaluate_retrieval(queries, items, positives, self.test.seen, (10,))
        sample = np.random.default_rng(0).permutation(len(items))[:PAIRS]
        return {
            "alignment": evaluation.alignment(queries, items[positives.values.numpy()]),
            "uniformity": evaluation.uniformity(items[sample]),
            "entropy": mean_entropy(scores, temperature),
            "entropy_at": {f"{t:.4f}": mean_entropy(scores, t) for t in LOOKED_AT},
            "ndcg_at_10": found["ndcg_at_10"],
            "recall_at_10": found["recall_at_10"],
            "gini": evaluation.exposure_gini(lists, len(items)),
            "coverage": evaluation.catalog_coverage(lists, len(items)),
            "novelty": evaluation.novelty(lists, self.counts),
            "norm_and_popularity": evaluation.norm_popularity_correlation(items, self.counts),
            "tenths": tenths["model"],
            "tenths_of_users": tenths["users"],
        }


class Follow(keras.callbacks.Callback):
    """Keeps a learnt temperature after every step."""

    def __init__(self, layer: layers.LearnableTemperature) -> None:
        super().__init__()
        self.layer = layer
        self.values: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Reads the temperature."""
        self.values.append(float(1 / self.layer()))


def mean_entropy(scores: npt.NDArray[np.float32], temperature: float) -> float:
    """Returns the mean entropy of `softmax(s / t)`, as a share of that of a uniform draw."""
    logits = scores.astype(np.float64) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    sums = np.exp(logits).sum(axis=1)
    entropy = np.log(sums) - (np.exp(logits) * logits).sum(axis=1) / sums
    return float(entropy.mean() / np.log(scores.shape[1]))


def run(study: Study, seeds: int) -> Ledger:
    """Trains what the ledger lacks, and returns it."""
    total = seeds * (len(TEMPERATURES) + len(STARTS) + 1)
    ledger = Ledger("temperature", {"batch": BATCH, "width": WIDTH}, total)
    common = {"data": study.name, "epochs": study.epochs}
    kinds: dict[Any, Callable[[int], Row]] = {
        "dot product": functools.partial(_train_fixed, study, None)
    }
    kinds |= {t: functools.partial(_train_fixed, study, t) for t in TEMPERATURES}
    kinds |= {f"from {t}": functools.partial(_train_learnt, study, t) for t in STARTS}
    for seed in range(seeds):
        for kind, train in kinds.items():
            ledger.run(functools.partial(train, seed), kind=kind, seed=seed, **common)
    return ledger


def _train_fixed(study: Study, temperature: float | None, seed: int) -> Row:
    return study.measure(study.train(temperature, seed), temperature or 1.0)


def _train_learnt(study: Study, start: float, seed: int) -> Row:
    layer = layers.LearnableTemperature(start)
    follow = Follow(layer)
    model = study.train(layer, seed, follow)
    kept = np.unique(np.linspace(0, len(follow.values) - 1, 101).astype(int))
    path = {str(step + 1): follow.values[step] for step in kept}
    return {**study.measure(model, follow.values[-1]), "learnt": follow.values[-1], "path": path}


def draw(ledger: Ledger, common: Row) -> None:
    """Draws the four plots."""
    mean = functools.partial(_mean, ledger, common)
    with plot("temperature_entropy", 1, width=6.0) as axes:
        own = [mean(t, "entropy") for t in TEMPERATURES]
        axes.plot(TEMPERATURES, own, "o-", label="each model at its own τ")
        for fixed, dashes in zip(DRAWN, ("--", "-.", ":"), strict=False):
            at = [mean(fixed, "entropy_at", f"{t:.4f}") for t in LOOKED_AT]
            axes.plot(LOOKED_AT, at, dashes, label=f"trained at τ = {fixed}, looked at with τ")
        axes.set(xscale="log", xlabel="τ", ylabel="entropy / log(items)", ylim=(0, 1.05))
        axes.legend()
    with plot("temperature_geometry", 3) as axes:
        words = {"alignment": "alignment", "uniformity": "uniformity", "ndcg_at_10": "NDCG@10"}
        for panel, (name, label) in zip(axes, words.items(), strict=True):
            panel.plot(TEMPERATURES, [mean(t, name) for t in TEMPERATURES], "o-")
            panel.set(xscale="log", xlabel="τ", title=label)
    with plot("temperature_learnt", 1, width=6.0) as axes:
        for start in STARTS:
            path = ledger.find(kind=f"from {start}", seed=0, **common)[0]["path"]
            axes.plot([int(step) for step in path], list(path.values()), label=f"from {start}")
        axes.set(yscale="log", xlabel="step", ylabel="learnt τ")
        axes.legend()
    with plot("temperature_popularity", 1, width=6.0) as axes:
        tenths = [str(tenth) for tenth in range(1, 11)]
        shown: dict[str, Any] = {f"cosine, τ = {fixed}": fixed for fixed in DRAWN}
        for place, (label, kind) in enumerate({**shown, "dot product": "dot product"}.items()):
            shares = [mean(kind, "tenths", tenth) for tenth in tenths]
            axes.bar(np.arange(10) + (place - 2) * 0.17, shares, 0.17, label=label)
        taken = [mean("dot product", "tenths_of_users", tenth) for tenth in tenths]
        axes.bar(np.arange(10) + 0.34, taken, 0.17, label="what users took", color="#999999")
        axes.set_xticks(np.arange(10), tenths)
        axes.set(xlabel="tenth of the items, the most popular first", ylabel="share of the places")
        axes.legend()


def _mean(ledger: Ledger, common: Row, kind: Any, *path: str) -> float:
    values = []
    for row in ledger.find(kind=kind, **common):
        value = functools.reduce(lambda found, name: found[name], path, row)
        values.append(float(value))  # type: ignore[arg-type]
    return float(np.mean(values))


def tabulate(ledger: Ledger, common: Row) -> str:
    """Returns the table of all kinds, means over the seeds."""
    measures = ("entropy", "alignment", "uniformity", "ndcg_at_10", "gini", "coverage", "novelty")
    kinds = [*TEMPERATURES, *(f"from {start}" for start in STARTS), "dot product"]
    rows = []
    for kind in kinds:
        found = ledger.find(kind=kind, **common)
        cells = [figure([row[name] for row in found]) for name in measures]
        rows.append([str(kind), *(cells if len(found) > 1 else [c.split(" ")[0] for c in cells])])
    return table(["τ", *measures], rows)


def main(arguments: list[str] | None = None) -> None:
    """Trains, draws and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--path", help="A folder of MovieLens-100k; made-up data where it is missing"
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--users", type=int, default=1_000, help="Of the made-up data")
    options = parser.parse_args(arguments)
    if options.path:
        study = Study("ml-100k", data.load_movielens("100k", options.path), options.epochs)
    else:
        made_up, _ = data.synthetic(options.users, options.users // 2, min(40, options.users // 10))
        study = Study(f"made up, {options.users} users", made_up, options.epochs)
    ledger = run(study, options.seeds)
    common = {"data": study.name, "epochs": study.epochs}
    draw(ledger, common)
    print(tabulate(ledger, common))


if __name__ == "__main__":
    main()

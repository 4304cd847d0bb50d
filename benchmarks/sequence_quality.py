"""What a causal transformer over histories reaches on MovieLens-1M, leave one out, by loss.

The protocol is that of SASRec's successors: each user's last film is the test, the one before the
validation; films with five ratings or more, all ranked less those that the user has seen; ties
count against the model. A training is a list of stages, `loss:epochs:parts:rate:averaging`, each of
which goes on from the best epoch of the one before: the softmax over a few hundred negatives is
cheap and soon far, the full softmax ends it, on the latest part of each history. The last stage's
rate falls along a cosine to zero; with averaging, epochs end in the moving average of
the weights. Each stage is kept under `--runs`, and goes on where it was killed.

Run: python -m benchmarks.sequence_quality --path FOLDER --stages uniform:60:all full:40:latest
"""

import argparse
import pathlib
from typing import Any, NamedTuple

import tfrs_ext  # First: it chooses Keras 2.
from benchmarks.ledger import Ledger, Row, figure
from benchmarks.splits import SPLITS, load
from tfrs_ext import callbacks, data, evaluation, frequencies, losses, models, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import HistoryTimes
from tfrs_ext.training import fit_resumable

METRICS = ("hit_rate_at_10", "ndcg_at_10")
LOSSES = ("full", "uniform", "gbce", "mixed_none", "mixed_logq", "mixed_corrected")


class Stage(NamedTuple):
    """One training of a list of them."""

    loss: str
    epochs: int
    parts: str = "all"
    rate: float = 1e-3
    averaging: float = 0.0

    @classmethod
    def parse(cls, words: str) -> "Stage":
        """Returns the stage of `loss:epochs:parts:rate:averaging`; what is left out is usual."""
        loss, epochs, *rest = words.split(":")
        if loss not in LOSSES:
            raise ValueError(f"a stage's loss must be one of {', '.join(LOSSES)}, received {words}")
        return cls(loss, int(epochs), *rest[:1], *map(float, rest[1:]))


def make_task(loss: str, split: data.Split, ids: tuple[int, ...], options: Any, seed: int) -> Any:
    """Returns what a stage minimises."""
    catalogue = negatives.Catalogue({"item_id": list(ids)}, "item_id")
    uniform = negatives.Uniform(catalogue, options.negatives, seed=seed)
    if loss == "full":
        return tasks.Retrieval(losses.FullSoftmax(), negatives=negatives.WholeCatalogue(catalogue))
    if loss == "gbce":
        return tasks.Retrieval(losses.GBCE(len(ids), prior=1 / len(ids)), negatives=uniform)
    if loss == "uniform":
        return tasks.Retrieval(losses.SampledSoftmax(), negatives=uniform)
    counted = frequencies.CountedFrequency(*data.item_counts(split.train))
    mixed = negatives.Mixed([negatives.InBatch(counted), uniform])
    return tasks.Retrieval(
        {
            "mixed_none": losses.SampledSoftmax(),
            "mixed_logq": losses.SampledSoftmax("logq"),
            "mixed_corrected": losses.CorrectedSampledSoftmax(),
        }[loss],
        negatives=mixed,
    )


def train(split: data.Split, options: argparse.Namespace, seed: int) -> Row:
    """Trains all stages of one seed, and asks about the test part."""
    features = data.fit_features(
        split.train, history_length=options.length, history_times=options.times
    )
    item, history = features.candidate[0], features.history
    validation = data.next_item_queries(split.validation, features, history_from=split.train)
    catalogue = data.candidates_dataset(split.train, features, 4096)
    watcher = callbacks.RetrievalEvaluation(
        validation.queries, catalogue, validation.positives, seen=validation.seen, ks=(10,)
    )
    keras.utils.set_random_seed(seed)
    model = models.SequenceModel.from_features(
        [history, *(f for f in features.query if isinstance(f, HistoryTimes))],
        [item],
        embedding_dim=options.dim,
        num_blocks=options.blocks,
        num_heads=options.heads,
        dropout=options.dropout,
        gated=options.gated,
    )
    stages = list(map(Stage.parse, options.stages))
    for number, stage in enumerate(stages):
        batches = data.sequence_dataset(
            split.train, features, options.batch_size, parts=stage.parts, seed=seed
        )
        model.task = make_task(stage.loss, split, item.vocabulary, options, seed)
        model.compile(_make_optimizer(stage, stage is stages[-1], int(batches.cardinality())))
        folder = pathlib.Path(options.runs, f"{_name(options)}-{seed}", f"{number}-{stage.loss}")
        fit_resumable(
            model,
            batches,
            folder,
            monitor="val_ndcg_at_10",
            epochs=stage.epochs,
            patience=options.patience,
            settings={**vars(options), "seeds": None, "stages": options.stages[: number + 1]},
            callbacks=[watcher],
            print_fn=lambda line: print(line, flush=True),
        )
    known = data.join(split.train, split.validation)
    test = data.next_item_queries(split.test, features, history_from=known)
    result = evaluation.evaluate_retrieval(
        model.query_model.predict(test.queries, 512, verbose=0),
        model.candidate_model.predict(catalogue, verbose=0),
        test.positives,
        seen=test.seen,
        ks=(10,),
    )
    return {metric: result[metric] for metric in METRICS}


def _make_optimizer(stage: Stage, is_last: bool, steps: int) -> keras.optimizers.Optimizer:
    rate: Any = stage.rate
    if is_last:
        rate = keras.optimizers.schedules.CosineDecay(rate, stage.epochs * steps)
    averaging = {}
    if stage.averaging:
        # At an epoch's end the average takes the weights' place: it is judged, and goes on.
        averaging = {"use_ema": True, "ema_momentum": stage.averaging}
        averaging["ema_overwrite_frequency"] = steps
    return keras.optimizers.Adam(rate, beta_2=0.98, **averaging)


def _name(options: argparse.Namespace) -> str:
    return f"{'-'.join(options.stages)}-{options.dim}".replace(":", "x")


def main() -> None:
    """Trains what isn't kept yet, and prints the means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True)
    parser.add_argument("--split", choices=SPLITS, default="leave-one-out")
    parser.add_argument("--stages", nargs="+", default=["uniform:60:all", "full:40:latest"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--runs", default="runs/sequence_quality")
    for name, value in (("dim", 64), ("blocks", 2), ("heads", 1), ("length", 200)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--negatives", type=int, default=512)
    parser.add_argument("--patience", type=int, default=10)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--gated", action="store_true")
    parser.add_argument("--times", action="store_true")
    options = parser.parse_args()
    try:
        list(map(Stage.parse, options.stages))
    except (TypeError, ValueError) as error:
        parser.error(f"a stage must be loss:epochs:parts:rate:averaging, {error}")
    split = load(options.path, options.split)
    ledger = Ledger("sequence_quality", {"tfrs_ext": tfrs_ext.__version__})
    key = {"data": pathlib.Path(options.path).name, **vars(options)}
    key = {name: value for name, value in key.items() if name not in ("seeds", "runs", "path")}
    for seed in options.seeds:
        ledger.run(lambda seed=seed: train(split, options, seed), **key, seed=seed)
    rows = ledger.find(**key)
    for metric in METRICS:
        print(metric, figure([row[metric] for row in rows]) if len(rows) > 1 else rows[0][metric])


if __name__ == "__main__":
    main()

"""A retriever in four steps: `python -m recipes.retrieval {tune,train,export,query,all}`.

`--model` is one of `models.RETRIEVERS`, or of `baselines.BASELINES`, which are fitted, not trained.
The steps meet through files under `--runs`, so each runs alone, and the same command goes on where
it was interrupted.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer

from tfrs_ext import (
    baselines,
    callbacks,
    data,
    evaluation,
    files,
    indexes,
    models,
    negatives,
    report,
    serving,
    tuning,
)
from tfrs_ext.features import Feature

from . import baseline_steps, shared
from .shared import hints

SHOWN = (10, 100)
SHORT, LONG = 50, 200  # The most items of a history that a model reads.
CURVE = (1, 2, 5, 10, 20, 50, 100)


@dataclasses.dataclass(frozen=True)
class Settings(shared.Settings):
    """What one run of this recipe is told, and the data that its steps share."""

    index: str
    model: str

    @functools.cached_property
    def features(self) -> data.FeatureSet:
        """The columns of both towers, with facts from the training part."""
        length = LONG if self.reads_sequences and not self.source.smoke else SHORT
        return data.fit_features(self.split.train, history_length=length)

    @property
    def reads_sequences(self) -> bool:
        """Whether the model trains on whole histories, not on single rows."""
        return not self.is_baseline and models.RETRIEVERS[self.model].model.reads_sequences

    @property
    def query_features(self) -> tuple[Feature, ...]:
        """The columns of queries: those of users, and the context that requests bring along.

        A model of sequences asks at every item of a history, whose contexts aren't read.
        """
        return self.features.query + (() if self.reads_sequences else self.features.context)

    @property
    def catalogue(self) -> tf.data.Dataset:
        """The candidate tower's columns of all items."""
        return data.candidates_dataset(self.frames, self.features, 1024)

    @property
    def known_items(self) -> dict[str, Any]:
        """The candidate tower's columns of the items that training rows have: the negatives."""
        train = self.split.train
        columns = data.item_columns(train, self.features)
        return {name: column[np.unique(train.item_rows())] for name, column in columns.items()}

    @functools.cached_property
    def validation(self) -> data.EvaluationQueries:
        """Questions that choose between models."""
        part, train = self.split.validation, self.split.train
        return data.next_item_queries(part, self.features, history_from=train, max_queries=5_000)

    @functools.cached_property
    def test(self) -> data.EvaluationQueries:
        """Questions that are asked once, at the end."""
        part, known = self.split.test, data.join(self.split.train, self.split.validation)
        return data.next_item_queries(part, self.features, history_from=known, max_queries=20_000)

    def training_data(self, batch_size: int) -> tf.data.Dataset:
        """Batches of the training part, of so many rows or of sequences that hold about as many."""
        train, features = self.split.train, self.features
        if not self.reads_sequences:
            options = models.RETRIEVERS[self.model].model.training_options
            return data.training_dataset(train, features, batch_size, seed=self.seed, **options)
        users = train.interactions[train.schema.user_id].nunique()
        rows = min(len(train.interactions) / users, features.history.length)
        size = max(1, round(batch_size / rows))
        return data.sequence_dataset(train, features, size, seed=self.seed)

    def hypermodel(self) -> tuning.RetrievalHyperModel:
        """The model as a function of its hyper-parameters."""
        known = self.split.train
        return tuning.RetrievalHyperModel(
            self.query_features,
            self.features.candidate,
            data.item_counts(known),
            negatives.Catalogue(self.known_items, known.schema.item_id),
            self.model,
        )

    def evaluation(self) -> callbacks.RetrievalEvaluation:
        """The callback that puts `val_ndcg_at_10` into the logs."""
        asked = self.validation
        return callbacks.RetrievalEvaluation(
            asked.queries, self.catalogue, asked.positives, seen=asked.seen, ks=SHOWN
        )

    @property
    def is_baseline(self) -> bool:
        """Whether the model is fitted rather than trained."""
        return self.model in baselines.BASELINES

    def describe_data(self) -> dict[str, Any]:
        """Returns what a report says of the data and of the questions."""
        return {
            **shared.data_facts(self),
            "test queries": len(self.test.user_rows),
            "protocol": "each held-out row is a query, the user as just before it; all items are "
            "ranked but those that the user has seen; ties count against the model",
        }

    def summarize(self, manifest: Mapping[str, Any] | None = None) -> report.RunSummary:
        """Returns what is known of the run, from the files that its steps have written."""
        objective = tuning.RetrievalHyperModel.objective.name
        return shared.summarize(self, f"Retrieval, {self.model}", objective, manifest)


def tune(settings: Settings) -> None:
    """Step 1: searches hyper-parameters; writes trials.json and hparams.json."""
    if settings.is_baseline:
        baseline_steps.tune(settings)
        return
    hypermodel, watchers = settings.hypermodel(), [settings.evaluation()]
    # Few trials are better spent on widths and rates than on kinds of loss, of negatives and of
    # optimizers, which each need their own.
    fixed = {"optimizer": "adam", "batch_size": 1024, **hypermodel.usual_values}
    if fixed.get("loss") == "sampled_softmax":
        fixed["negatives"] = "in_batch"
    shared.search(settings, hypermodel, settings.training_data, watchers, fixed)


def train(settings: Settings) -> None:
    """Step 2: trains with them; writes model.keras, metrics.json and report.html."""
    if settings.is_baseline:
        baseline_steps.train(settings)
        return
    # 2.1 Train, and keep the best epoch.
    popular, _ = data.item_counts(settings.split.train)
    middle = max(0, len(popular) // 2 - 50)
    groups = {"head": popular[:100], "middle": popular[middle:][:100], "tail": popular[-100:]}
    watchers = [settings.evaluation(), callbacks.TrainingTrace(groups)]
    model = shared.fit(settings, settings.hypermodel(), settings.training_data, watchers)

    # 2.2 Compare with the baselines on the test part; what a user has seen doesn't compete.
    test, runs = settings.test, settings.runs
    queries = model.query_model.predict(test.queries, 4096, verbose=0)
    items = model.candidate_model.predict(settings.catalogue, verbose=0)
    results = {
        "model": evaluation.evaluate_retrieval(queries, items, test.positives, test.seen, CURVE)
    }
    rivals = baseline_steps.fit_rivals(settings)
    results |= baseline_steps.judge_rivals(settings, rivals)

    # 2.3 Write what was found, and keep the model if it is better than chance and popularity.
    results["model"].save(runs / "results.npz")
    evidence = report.retrieval_evidence(
        settings.split.train, test, results, queries, items, rivals, settings.seed
    )
    files.write_json(runs / "evaluation.json", {"facts": settings.describe_data(), **evidence})
    report.log_embeddings(runs / "logs", items, {"title": report.item_titles(settings.frames)})
    summaries = {name: result.summary() for name, result in results.items()}
    columns = [f"{metric}_at_{k}" for metric in ("ndcg", "recall") for k in SHOWN]
    shared.accept(
        settings,
        model,
        summaries,
        columns,
        rivals=("popularity", "random"),
        summary=settings.summarize(),
    )


def export(settings: Settings) -> None:
    """Step 3: publishes a version whose users are as they were at the end of the data."""
    if settings.is_baseline:
        baseline_steps.export(settings)
        return
    model, frames, schema = shared.trained(settings), settings.frames, settings.frames.schema
    read = {feature.name for feature in model.query_model.features}
    moments = data.context_columns(frames, settings.features)
    version = serving.export(
        settings.base,
        model.query_model,
        model.candidate_model.predict(settings.catalogue, verbose=0),
        serving.Items(
            {schema.item_id: frames.items[schema.item_id].to_numpy()},
            item_id=schema.item_id,
            fields=shared.titles(frames),
        ),
        users=serving.Users(
            data.user_states(frames, settings.features),
            user_id=schema.user_id,
            seen=data.seen_items(frames),
            context={name: column for name, column in moments.items() if name in read},
        ),
        index=settings.index,
        facts=shared.manifest_facts(settings),
        model_card=lambda manifest: report.model_card(settings.summarize(manifest)),
    )
    manifest = serving.read_manifest(version)
    shared.write_report(settings, settings.summarize(manifest))
    index = manifest["index"]
    shared.say(f"published {version}: {index['kind']} index, recall {index['recall']:.3f}")


def query(settings: Settings) -> None:
    """Step 4: asks the newest version, in a fresh process without this package."""
    shared.ask(settings, "recommend", k=settings.k, exclusions=[[]])


def known_models() -> tuple[str, ...]:
    """Returns what `--model` may be."""
    return (*models.RETRIEVERS, *baselines.BASELINES)


app = typer.Typer(add_completion=False)


@app.command(epilog=shared.EXIT_CODES)
@shared.with_options
def main(
    step: shared.StepArgument,
    model: Annotated[str, typer.Option(help=f"One of {', '.join(known_models())}.")] = "two_tower",
    index: Annotated[str, typer.Option(help="auto, exact, quantized or scann.")] = "auto",
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a retriever."""
    hints.check_choice("model", model, known_models())
    hints.check_choice("index", index, ("auto", *indexes.index_kinds()))
    settings = Settings.of("retrieval", variant=model, model=model, index=index, **run)
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

"""A model that ranks, in four steps: `python -m recipes.ranking {tune,train,export,query,all}`.

The steps meet through files under `--runs`, as in `recipes.retrieval`. `query` asks for the best of
the items that `--candidate` names, or of all.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer

from tfrs_ext import baselines, data, evaluation, files, models, report, serving, tuning

from . import shared
from .shared import hints

COLUMNS = ("auc", "gauc", "log_loss", "calibration_error")


@dataclasses.dataclass(frozen=True)
class Settings(shared.Settings):
    """What one run of this recipe is told, and the data that its steps share."""

    model: str
    candidates: tuple[str, ...]
    positive_from: float | None
    positive_values: tuple[str, ...]

    @functools.cached_property
    def frames(self) -> data.Frames:
        """All data, with labels where a column holds them."""
        return shared.load_labelled(self.source, self.positive_from, self.positive_values)

    @functools.cached_property
    def split(self) -> data.Split:
        """The parts; without labels, what was shown or never taken is negative."""
        return shared.split_labelled(self.source, self.frames, self.seed)

    @functools.cached_property
    def features(self) -> data.FeatureSet:
        """The columns of both sides, with facts from the training part."""
        train = self.source.split_frames(self.frames).train
        return data.fit_features(train, history_length=10 if self.source.smoke else 50)

    @functools.cached_property
    def validation(self) -> tf.data.Dataset:
        """Batches that choose between models, computed once."""
        part, train = self.split.validation, self.split.train
        return data.ranking_dataset(part, self.features, 4096, history=train, shuffle=False).cache()

    @functools.cached_property
    def test(self) -> tf.data.Dataset:
        """Batches to report on."""
        part, known = self.split.test, data.join(self.split.train, self.split.validation)
        return data.ranking_dataset(part, self.features, 4096, history=known, shuffle=False)

    def training_data(self, batch_size: int) -> tf.data.Dataset:
        """Batches of the training part."""
        return data.ranking_dataset(self.split.train, self.features, batch_size, seed=self.seed)

    def hypermodel(self) -> tuning.RankingHyperModel:
        """The model as a function of its hyper-parameters."""
        features, schema = self.features, self.frames.schema
        columns = features.query + features.candidate + features.context
        return tuning.RankingHyperModel(columns, schema.item_id, schema.user_id, self.model)


def tune(settings: Settings) -> None:
    """Step 1: searches hyper-parameters; writes trials.json and hparams.json."""
    validation = {"validation_data": settings.validation}
    shared.search(settings, settings.hypermodel(), settings.training_data, **validation)


def train(settings: Settings) -> None:
    """Step 2: trains with them; writes model.keras, metrics.json and report.html."""
    # 2.1 Train, and keep the best epoch.
    validation = {"validation_data": settings.validation}
    model = shared.fit(settings, settings.hypermodel(), settings.training_data, **validation)
    settings.before_export()

    # 2.2 Compare with how often an item, or a user's rows, were positive in training.
    learnt, asked = settings.split.train.interactions, settings.split.test.interactions
    schema = settings.split.test.schema
    label, user_id = schema.label, schema.user_id
    predictions = {"model": model.predict(settings.test, verbose=0)[:, 0]}
    for name, column in (("item rate", schema.item_id), ("user rate", user_id)):
        rate = baselines.PositiveRate().fit(learnt[column], learnt[label])
        predictions[name] = rate(asked[column])
    predictions["constant"] = np.full(len(asked), learnt[label].mean())
    results = {
        name: evaluation.evaluate_predictions(asked[label], values, asked[user_id])
        for name, values in predictions.items()
    }

    # 2.3 Write what was found, and keep the model if it is better than the items' rates.
    evidence = {"facts": _facts(settings), "metrics": results}
    evidence["calibration"] = {
        name: evaluation.reliability(asked[label], predictions[name])
        for name in ("model", "item rate")
    }
    files.write_json(settings.runs / "evaluation.json", evidence)
    shared.accept(
        settings, model, results, COLUMNS, rivals=("item rate",), summary=_summarize(settings)
    )


def export(settings: Settings) -> None:
    """Step 3: publishes a version whose users are as they were at the end of the data."""
    model, frames, schema = shared.trained(settings), settings.frames, settings.frames.schema
    taken = data.keep_positives(frames)
    version = serving.export_ranker(
        settings.base,
        model,
        serving.Users(
            data.user_states(frames, settings.features, history=taken),
            user_id=schema.user_id,
            seen=data.seen_items(taken),
            context=data.context_columns(frames, settings.features),
        ),
        serving.Items(
            data.item_columns(frames, settings.features),
            item_id=schema.item_id,
            fields=shared.titles(frames),
        ),
        facts=shared.manifest_facts(settings),
        model_card=lambda manifest: report.model_card(_summarize(settings, manifest)),
    )
    shared.write_report(settings, _summarize(settings, serving.read_manifest(version)))
    shared.say(f"published {version}")


def query(settings: Settings) -> None:
    """Step 4: asks the newest version, in a fresh process without this package."""
    if settings.candidates:
        shared.ask(settings, "rank", candidates=settings.candidates)
    else:
        shared.ask(settings, "recommend", k=settings.k, exclusions=[[]])


def _facts(settings: Settings) -> dict[str, Any]:
    test = settings.split.test
    return {
        **shared.data_facts(settings),
        "test rows": len(test.interactions),
        "positive test rows": f"{test.interactions[test.schema.label].mean():.1%}",
        "protocol": "each held-out row is scored, the user as just before it",
    }


def _summarize(settings: Settings, manifest: Mapping[str, Any] | None = None) -> report.RunSummary:
    return shared.summarize(settings, f"Ranking, {settings.model}", "val_auc", manifest)


app = typer.Typer(add_completion=False)


@app.command(epilog=shared.EXIT_CODES)
@shared.with_options
def main(
    step: shared.StepArgument,
    model: Annotated[str, typer.Option(help=f"One of {', '.join(models.RANKERS)}.")] = "din",
    candidate: Annotated[
        list[str] | None, typer.Option(help="An item for `query` to rank; repeatable.")
    ] = None,
    positive_from: shared.PositiveFrom = None,
    positive_value: shared.PositiveValues = None,
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a model that ranks items for a user."""
    hints.check_choice("model", model, models.RANKERS)
    own = {"model": model, "candidates": tuple(candidate or ()), "positive_from": positive_from}
    own["positive_values"] = tuple(positive_value or ())
    settings = Settings.of("ranking", variant=model, **own, **run)
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

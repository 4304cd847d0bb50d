"""Pre-training and fine-tuning: `python -m recipes.pretraining {tune,train,export,query,all}`.

A retriever first learns from all that users took, each row against its whole batch. Then it goes on
with what they were shown: what was taken against what stood beside it. The second stage may freeze
layers, or slow them down. The steps meet through files under `--runs`, as in `recipes.retrieval`.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from tfrs_ext import data, evaluation, files, indexes, models, report

from . import baseline_steps, retrieval, shared
from .pretraining_settings import LOSSES, PretrainingSettings
from .retriever_settings import CURVE
from .shared import hints

GAUC, BEFORE = "auc within users", "pre-training alone"


def tune(settings: PretrainingSettings) -> None:
    """Step 1: searches stage one, trains it, and searches stage two behind it."""
    settings.check_rates()
    retrieval.tune(settings.within("pretraining"))
    second = settings.fine_tuning(settings.fit_part("pretraining"))
    shared.search(settings, second, settings.impressions, validation_data=settings.shown_later)


def train(settings: PretrainingSettings) -> None:
    """Step 2: trains both stages, and measures what each is worth; writes report.html."""
    # 2.1 Train both.
    settings.check_rates()
    pretrained = settings.fit_part("pretraining")
    first = shared.read_mapping(settings.runs / "pretraining" / "trained.json")
    depends = {"pretraining": first["hyperparameters"], "loss": settings.loss}
    depends |= {"rates": settings.rates, "shown": settings.shown}
    second, later = settings.fine_tuning(pretrained), settings.shown_later
    model = shared.fit(
        settings, second, settings.impressions, depends_on=depends, validation_data=later
    )

    # 2.2 Ask both what they find among all items, and how they order what was shown.
    test, items, queries, results = settings.test, {}, {}, {}
    for name, one in {"model": model, BEFORE: pretrained}.items():
        queries[name] = one.query_model.predict(test.queries, 4096, verbose=0)
        items[name] = one.candidate_model.predict(settings.catalogue, verbose=0)
        results[name] = evaluation.evaluate_retrieval(
            queries[name], items[name], test.positives, test.seen, CURVE
        )
    rivals = {"popularity": baseline_steps.fit_rivals(settings)["popularity"]}
    results |= baseline_steps.judge_rivals(settings, rivals)
    ordered = _order_shown(settings, {"model": model, BEFORE: pretrained})

    # 2.3 Write what was found, and keep the model if it orders better than popularity.
    evidence = report.retrieval_evidence(
        settings.split.train,
        test,
        results,
        queries["model"],
        items["model"],
        rivals,
        settings.seed,
    )
    for name, gauc in ordered.items():
        evidence["metrics"][name][GAUC] = gauc
    facts = settings.describe_data() | _facts(settings)
    files.write_json(settings.runs / "evaluation.json", {"facts": facts, **evidence})
    summaries = {name: {GAUC: ordered[name], **found.summary()} for name, found in results.items()}
    columns = [GAUC, "ndcg_at_10", "recall_at_10"]
    shared.accept(
        settings, model, summaries, columns, rivals=("popularity",), summary=settings.summarize()
    )


def export(settings: PretrainingSettings) -> None:
    """Step 3: publishes a version whose users are as they were at the end of the data."""
    retrieval.export(settings)


def query(settings: PretrainingSettings) -> None:
    """Step 4: asks the newest version, in a fresh process without this package."""
    retrieval.query(settings)


def _order_shown(
    settings: PretrainingSettings, asked: Mapping[str, models.TwoTower]
) -> dict[str, float]:
    """Returns how often what was taken stands above what was only shown, within each user."""
    part, truth = settings.labelled.test, settings.source.truth()
    known = data.join(settings.labelled.train, settings.labelled.validation)
    rows = data.ranking_dataset(part, settings.features, 4096, history=known, shuffle=False)
    scores = {name: model.predict(rows, verbose=0) for name, model in asked.items()}
    taken = np.bincount(settings.split.train.item_rows(), minlength=len(part.items))
    scores["popularity"] = taken[part.item_rows()]
    if truth is not None:
        scores["planted truth"] = truth.log_preferences[part.user_rows(), part.item_rows()]
    labels, users = part.interactions[part.schema.label], part.interactions[part.schema.user_id]
    ranks = {name: pd.Series(values).rank(pct=True) for name, values in scores.items()}
    return {
        name: evaluation.evaluate_predictions(labels, values, users)["gauc"]
        for name, values in ranks.items()
    }


def _facts(settings: PretrainingSettings) -> dict[str, Any]:
    schema = settings.frames.schema
    sources = {
        "the list of each row": schema.impressions,
        "the user's rows that aren't positive": schema.label,
    }
    known = [words for words, column in sources.items() if column is not None]
    return {
        "what was shown": [*known, "drawn among what the user never took"][0],
        "shown beside each row": settings.shown,
        "rates of layers": settings.rates or "all alike",
    }


def known_models() -> list[str]:
    """Returns what `--model` may be: what trains on single rows as they are."""
    found = models.RETRIEVERS.items()
    return [n for n, v in found if not (v.model.reads_sequences or v.model.training_options)]


app = typer.Typer(add_completion=False)


@app.command(epilog=shared.EXIT_CODES)
@shared.with_options
def main(
    step: shared.StepArgument,
    model: Annotated[str, typer.Option(help=f"One of {', '.join(known_models())}.")] = "two_tower",
    loss: Annotated[str, typer.Option(help=f"Of stage two: {', '.join(LOSSES)}.")] = "softmax",
    rate: Annotated[
        list[str] | None,
        typer.Option(help="LAYER=FACTOR of stage two's learning rate, 0 to freeze; repeatable."),
    ] = None,
    shown: Annotated[int, typer.Option(min=1, help="Items beside each taken one.")] = 4,
    index: Annotated[str, typer.Option(help="auto, exact, quantized or scann.")] = "auto",
    positive_from: shared.PositiveFrom = None,
    positive_value: shared.PositiveValues = None,
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a retriever that is pre-trained and then fine-tuned."""
    hints.check_choice("model", model, known_models())
    hints.check_choice("loss", loss, LOSSES)
    hints.check_choice("index", index, ("auto", *indexes.index_kinds()))
    own = {"model": model, "loss": loss, "shown": shown, "index": index}
    own |= {"positive_from": positive_from, "positive_values": tuple(positive_value or ())}
    own["rates"] = shared.read_numbers("rate", rate or (), "candidate_model=0.1")
    settings = PretrainingSettings.of("pretraining", variant=f"{model}-{loss}", **own, **run)
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

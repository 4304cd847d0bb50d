"""A retriever in four steps: `python -m recipes.retrieval {tune,train,export,query,all}`.

`--model` is one of `models.RETRIEVERS`, or of `baselines.BASELINES`, which are fitted, not trained.
The steps meet through files under `--runs`, so each runs alone, and the same command goes on where
it was interrupted.
"""

from typing import Annotated, Any

import typer

from tfrs_ext import baselines, callbacks, data, evaluation, files, indexes, models, report, serving

from . import baseline_steps, shared
from .retriever_settings import CURVE, SHOWN, RetrieverSettings
from .shared import hints


def tune(settings: RetrieverSettings) -> None:
    """Step 1: searches hyper-parameters; writes trials.json and hparams.json."""
    if settings.is_baseline:
        baseline_steps.tune(settings)
        return
    hypermodel, watchers = settings.hypermodel(), [settings.evaluation()]
    # Few trials are better spent on widths and rates than on kinds of loss, of negatives and of
    # optimizers, which each need their own.
    fixed = {"optimizer": "adam", "batch_size": 1024, **hypermodel.usual_values}
    if fixed.get("loss") == "sampled_softmax":
        fixed |= {"negatives": "in_batch", "correction": "corrected_logq"}
    shared.search(settings, hypermodel, settings.training_data, watchers, fixed)


def train(settings: RetrieverSettings) -> None:
    """Step 2: trains with them; writes model.keras, metrics.json and report.html."""
    if settings.is_baseline:
        baseline_steps.train(settings)
        return
    # 2.1 Train, and keep the best epoch.
    model = fit(settings)
    settings.before_export()

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


def fit(settings: RetrieverSettings) -> Any:
    """Returns the trained model, as it was after its best epoch."""
    popular, _ = data.item_counts(settings.split.train)
    middle = max(0, len(popular) // 2 - 50)
    groups = {"head": popular[:100], "middle": popular[middle:][:100], "tail": popular[-100:]}
    watchers = [settings.evaluation(), callbacks.TrainingTrace(groups)]
    train, workers = settings.training_data, settings.workers
    return shared.fit(settings, settings.hypermodel(), train, watchers, workers=workers)


def export(settings: RetrieverSettings) -> None:
    """Step 3: publishes a version whose users are as they were at the end of the data."""
    if settings.is_baseline:
        baseline_steps.export(settings)
        return
    model, frames, schema = shared.trained(settings), settings.frames, settings.frames.schema
    taken = data.keep_positives(frames)
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
            data.user_states(frames, settings.features, history=taken),
            user_id=schema.user_id,
            seen=data.seen_items(taken),
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


def query(settings: RetrieverSettings) -> None:
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
    workers: Annotated[
        int, typer.Option(min=1, help="Processes of this machine that train as one.")
    ] = 1,
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a retriever."""
    hints.check_choice("model", model, known_models())
    hints.check_choice("index", index, ("auto", *indexes.index_kinds()))
    settings = RetrieverSettings.of(
        "retrieval", variant=model, model=model, index=index, workers=workers, **run
    )
    if workers > 1 and settings.is_baseline:
        raise ValueError(f"`--workers` must be 1 for {model}, which is fitted, received {workers}")
    trains = step in (shared.Step.TRAIN, shared.Step.ALL) and not settings.is_baseline
    if trains and shared.is_worker():
        shared.work(lambda: fit(settings))
        return
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

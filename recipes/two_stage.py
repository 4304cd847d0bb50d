"""Two stages in four steps: `python -m recipes.two_stage {tune,train,export,query,all}`.

A retriever, what is popular and what is like a user's latest items bring some hundreds of items; a
model that learnt on what they bring ranks them; rules re-rank them; one SavedModel does all of it.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer
from typer import Option

from tfrs_ext import data, evaluation, files, indexes, models, report, serving, stages

from . import retrieval, shared
from .rule_options import DIVERSITY, RuleOptions
from .shared import hints
from .two_stage_settings import TwoStageSettings

KS = (10, 20)


def tune(settings: TwoStageSettings) -> None:
    """Step 1: searches the retriever, trains it, and searches the ranker behind it."""
    settings.rules.check(settings.frames.items)
    retrieval.tune(settings.within("retriever"))
    space, batches = settings.ranker_data(settings.fit_part("retriever"))
    shared.search(settings, space, **batches)


def train(settings: TwoStageSettings) -> None:
    """Step 2: trains both, and measures what each stage adds; writes metrics.json, report.html."""
    # 2.1 Train the retriever, and the ranker on what the generators show.
    settings.rules.check(settings.frames.items)
    retriever = settings.fit_part("retriever")
    space, batches = settings.ranker_data(retriever)
    depends = {
        "retriever": _digest(retriever),
        "index": settings.index,
        "candidates": settings.candidates,
        "columns": [feature.name for feature in space.features],
    }
    ranker = shared.fit(settings, space, depends_on=depends, **batches)

    # 2.2 Ask all stages, and each one alone, on the test part.
    known = data.join(settings.split.train, settings.split.validation)
    system, test = settings.make_system(retriever, ranker, known), settings.test

    found = stages.evaluate_stages(system, test.queries, test.positives, test.seen, KS)
    times = stages.time_stages(system, test.queries, test.seen)

    # 2.3 Write what was found, and keep the models if they are better than popularity.
    embeddings = retriever.candidate_model.predict(settings.catalogue, verbose=0)
    counts = np.bincount(known.item_rows(), minlength=len(embeddings))
    table = evaluation.compare_results(found.results, clusters=test.user_rows)
    tens = {name: positions[:, :10] for name, positions in found.lists.items()}
    evidence = {
        "facts": {**_facts(settings), "milliseconds for one user": _say(times, ".1f")},
        "metrics": table["metrics"],
        "differences": table["differences"],
        "groups": {"Recall of stage one, at each generator's cut": {"shown": found.recalls}},
        "measures": report.measure_lists(tens, test.positives, counts, embeddings),
    }
    files.write_json(settings.runs / "evaluation.json", evidence)
    shared.say(f"recall of stage one: {_say(found.recalls, '.4f')}")
    shared.say(f"milliseconds for one user: {_say(times, '.1f')}")
    columns = [f"{metric}_at_{k}" for k in KS for metric in ("ndcg", "recall")]
    # Not the median rank: what no generator brings has an infinite one.
    summaries = {name: {c: result[c] for c in columns} for name, result in found.results.items()}
    shared.accept(
        settings, ranker, summaries, columns, rivals=("popular",), summary=_summarize(settings)
    )


def _digest(model: tf.keras.Model) -> str:
    """Returns what tells a model's weights from others: all that decides them is in it."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def export(settings: TwoStageSettings) -> None:
    """Step 3: publishes all stages as one version, with users as they were at the end."""
    retriever = shared.trained(settings.within("retriever"))
    frames, schema = settings.frames, settings.frames.schema
    system = settings.make_system(retriever, shared.trained(settings), frames)
    ids = frames.items[schema.item_id].to_numpy()
    version = serving.export_two_stage(
        settings.base,
        system,
        serving.Users(
            data.user_states(frames, settings.features),
            user_id=schema.user_id,
            seen=data.seen_items(frames),
        ),
        serving.Items({schema.item_id: ids}, item_id=schema.item_id, fields=shared.titles(frames)),
        facts=shared.manifest_facts(settings),
        model_card=lambda manifest: report.model_card(_summarize(settings, manifest)),
    )
    shared.write_report(settings, _summarize(settings, serving.read_manifest(version)))
    shared.say(f"published {version}")


def query(settings: TwoStageSettings) -> None:
    """Step 4: asks the newest version, in a fresh process without this package."""
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    takes = serving.read_manifest(version)["signatures"]["recommend"]["inputs"]
    nothing = {name: [[]] for name, facts in takes.items() if len(facts["shape"]) == 2}
    shared.ask(settings, "recommend", k=settings.k, **nothing)


def _say(values: Mapping[str, float], form: str) -> str:
    return "; ".join(f"{name}: {value:{form}}" for name, value in values.items())


def _facts(settings: TwoStageSettings) -> dict[str, Any]:
    return {
        **shared.data_facts(settings),
        "test queries": len(settings.test.user_rows),
        "protocol": "each held-out row is a query, the user as just before it; what the user has "
        "seen isn't shown; an item that no generator brings is missed",
    }


def _summarize(
    settings: TwoStageSettings, manifest: Mapping[str, Any] | None = None
) -> report.RunSummary:
    title = f"Two stages, {settings.model} and {settings.ranker}"
    return shared.summarize(settings, title, "val_mrr", manifest)


app = typer.Typer(add_completion=False)


@app.command(epilog=shared.EXIT_CODES)
@shared.with_options
def main(
    step: shared.StepArgument,
    retriever: Annotated[str, Option(help=f"One of {', '.join(models.RETRIEVERS)}.")] = "two_tower",
    ranker: Annotated[str, Option(help=f"One of {', '.join(models.RANKERS)}.")] = "wide_deep",
    index: Annotated[str, Option(help="auto, exact or scann.")] = "auto",
    candidates: Annotated[int, Option(min=4, help="Items that the retriever brings.")] = 200,
    tags: Annotated[str | None, Option(help="Column of the items' tags, parted by |.")] = None,
    group: Annotated[str | None, Option(help="COLUMN=N: at most N items of a group.")] = None,
    diversity: Annotated[str | None, Option(help="mmr or dpp.")] = None,
    share: Annotated[float, Option(min=0, max=1, help="Relevance's share in it.")] = 0.7,
    cool_down: Annotated[float | None, Option(min=0.01, help="Half-life in days.")] = None,
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a retriever, a ranker and rules as one."""
    hints.check_choice("retriever", retriever, models.RETRIEVERS)
    hints.check_choice("ranker", ranker, models.RANKERS)
    hints.check_choice("index", index, ("auto", *indexes.index_kinds()))
    if diversity is not None:
        hints.check_choice("diversity", diversity, tuple(DIVERSITY))
    own = {"index": index, "model": retriever, "ranker": ranker, "candidates": candidates}
    own["rules"] = RuleOptions(tags, group, diversity, share, cool_down)
    variant = f"{retriever}-{ranker}"
    settings = TwoStageSettings.of("two_stage", variant=variant, **own, **run)
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

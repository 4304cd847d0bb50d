"""Two stages in four steps: `python -m recipes.two_stage {tune,train,export,query,all}`.

A retriever, what is popular and what is like a user's latest items bring some hundreds of items; a
model that learnt on what they bring ranks them; rules re-rank them; one SavedModel does all of it.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import typer
from typer import Option

from tfrs_ext import (
    baselines,
    data,
    evaluation,
    features,
    files,
    indexes,
    models,
    report,
    reranking,
    serving,
    stages,
    tuning,
)

from . import retrieval, shared
from .shared import hints

KS = (10, 20)
DIVERSITY = {"mmr": reranking.MarginalRelevance, "dpp": reranking.Determinantal}


@dataclasses.dataclass(frozen=True)
class Settings(retrieval.Settings):
    """What one run of this recipe is told, and the data that its steps share."""

    ranker: str
    candidates: int
    tags: str | None
    group: str | None
    diversity: str | None
    share: float
    cool_down: float | None

    @property
    def query_features(self) -> tuple[features.Feature, ...]:
        """The columns of users: generators and rules answer for a user, not for a moment."""
        return self.features.query

    @functools.cached_property
    def test(self) -> data.EvaluationQueries:
        """Questions that are asked once, at the end: fewer, as each is answered by the ranker."""
        part, known = self.split.test, data.join(self.split.train, self.split.validation)
        return data.next_item_queries(part, self.features, history_from=known, max_queries=4_000)

    @functools.cached_property
    def learnt(self) -> data.EvaluationQueries:
        """Training rows as questions, for the ranker."""
        train, most = self.split.train, 3_000 if self.source.smoke else 50_000
        nothing = train.select(np.arange(0))
        return data.next_item_queries(
            train, self.features, history_from=nothing, max_queries=most, seed=self.seed
        )

    @functools.cached_property
    def item_columns(self) -> dict[str, Any]:
        """What the ranker reads of items."""
        return data.item_columns(self.frames, self.features)

    def ranker_space(self, affinity: features.Numeric) -> tuning.RankingHyperModel:
        """The ranker as a function of its hyper-parameters; it reads the retriever's score."""
        columns, schema = self.features.query + self.features.candidate, self.frames.schema
        columns = (*columns, affinity)
        return tuning.RankingHyperModel(columns, schema.item_id, schema.user_id, self.ranker)

    def make_system(self, retriever: Any, ranker: Any, known: data.Frames) -> stages.TwoStage:
        """Returns all stages, with counts and neighbours of what is known."""
        items = retriever.candidate_model.predict(self.catalogue, verbose=0)
        asked = retriever.query_model.predict(self.validation.queries, 4096, verbose=0)
        count = min(self.candidates, len(items) // 5)
        index = indexes.build_index(items, None, self.index, k=count, queries=asked[:500])
        near = baselines.nearest_items(data.item_histories(known), len(items))
        ids = self.frames.items[self.frames.schema.item_id].to_numpy()
        counts = np.bincount(known.item_rows(), minlength=len(items))
        generators = [
            stages.NearestItems(retriever.query_model, index, count),
            stages.SimilarItems(ids, *near, count=max(1, count // 2)),
            stages.PopularItems(counts, max(1, count // 4)),
        ]
        affinity = stages.Affinity(retriever.query_model, items)
        ranks = stages.ItemRanker(ranker, self.item_columns, affinity)
        return stages.TwoStage(generators, ranks, self._make_rules(items))

    def check_rules(self) -> None:
        """Refuses rules that can't be, before a long training."""
        self._make_rules(np.ones([len(self.frames.items), 1]))

    def _make_rules(self, embeddings: Any) -> list[reranking.Rule]:
        rules: list[reranking.Rule] = [reranking.Exclude()]
        if self.tags is not None:
            cells = self._cells("tags", self.tags)
            rules.append(reranking.FilterTags([cell.split("|") for cell in cells]))
        if self.cool_down is not None:
            rules.append(reranking.CoolDown(half_life=self.cool_down))
        if self.group is not None:
            column, _, most = self.group.rpartition("=")
            if not most.isdecimal():
                raise ValueError(f"`group` must be COLUMN=N, received {self.group!r}")
            rules.append(reranking.LimitGroups(self._cells("group", column), int(most)))
        if self.diversity is not None:
            rules.append(DIVERSITY[self.diversity](embeddings, self.share))
        return rules

    def _cells(self, option: str, column: str) -> list[str]:
        items = self.frames.items
        if column not in items:
            raise ValueError(f"`{option}` must be one of {list(items)}, received {column!r}")
        return items[column].fillna("").astype(str).tolist()


def _train_retriever(settings: Settings) -> Any:
    part = settings.within("retriever")
    model = shared.fit(part, part.hypermodel(), part.training_data, [part.evaluation()])
    with files.replace_file(part.runs / "model.keras") as path:
        model.save(path, save_format="keras")
    return model


def _ranker_data(settings: Settings, retriever: Any) -> tuple[Any, dict[str, Any]]:
    """Returns the ranker's space, and what it learns from: what the generators show."""
    # A ranker that knows nothing: the generators are called alone.
    system = settings.make_system(retriever, lambda *_, **__: 0.0, settings.split.train)
    items = retriever.candidate_model.predict(settings.catalogue, verbose=0)
    batches, scores = {}, {}
    for name, asked in (("train", settings.learnt), ("validation", settings.validation)):
        shown, _ = stages.call_in_batches(system.generate, asked.queries, asked.seen)
        pairs = data.draw_shown_pairs(asked, shown, known=settings.frames, seed=settings.seed)
        users = retriever.query_model.predict(asked.queries, 4096, verbose=0)
        scores[name] = np.sum(users[pairs.queries] * items[pairs.items], axis=1)
        batches[name] = functools.partial(
            data.shown_dataset, asked, pairs, settings.item_columns, more={"affinity": scores[name]}
        )
        share = pairs.labels.sum() / len(shown)
        shared.say(f"the ranker reads {share:.1%} of {name} rows: their item is shown")
    space = settings.ranker_space(
        features.Numeric("affinity", float(scores["train"].mean()), float(scores["train"].std()))
    )
    return space, {
        "train": functools.partial(batches["train"], seed=settings.seed),
        "validation_data": batches["validation"](4096, shuffle=False).cache(),
    }


def tune(settings: Settings) -> None:
    """Step 1: searches the retriever, trains it, and searches the ranker behind it."""
    settings.check_rules()
    part = settings.within("retriever")
    retrievers, watchers = part.hypermodel(), [part.evaluation()]
    shared.search(part, retrievers, part.training_data, watchers, retrievers.usual_values)
    space, batches = _ranker_data(settings, _train_retriever(settings))
    shared.search(settings, space, **batches)


def train(settings: Settings) -> None:
    """Step 2: trains both, and measures what each stage adds; writes metrics.json, report.html."""
    # 2.1 Train the retriever, and the ranker on what the generators show.
    settings.check_rules()
    retriever = _train_retriever(settings)
    depends = shared.read_mapping(settings.runs / "retriever" / "trained.json")
    space, batches = _ranker_data(settings, retriever)
    depends = {"retriever": depends["hyperparameters"], "candidates": settings.candidates}
    depends["columns"] = [feature.name for feature in space.features]
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


def export(settings: Settings) -> None:
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


def query(settings: Settings) -> None:
    """Step 4: asks the newest version, in a fresh process without this package."""
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    takes = serving.read_manifest(version)["signatures"]["recommend"]["inputs"]
    nothing = {name: [[]] for name, facts in takes.items() if len(facts["shape"]) == 2}
    shared.ask(settings, "recommend", k=settings.k, **nothing)


def _say(values: Mapping[str, float], form: str) -> str:
    return "; ".join(f"{name}: {value:{form}}" for name, value in values.items())


def _facts(settings: Settings) -> dict[str, Any]:
    return {
        **shared.data_facts(settings),
        "test queries": len(settings.test.user_rows),
        "protocol": "each held-out row is a query, the user as just before it; what the user has "
        "seen isn't shown; an item that no generator brings is missed",
    }


def _summarize(settings: Settings, manifest: Mapping[str, Any] | None = None) -> report.RunSummary:
    title = f"Two stages, {settings.model} and {settings.ranker}"
    return shared.summarize(settings, title, "val_auc", manifest)


app = typer.Typer(add_completion=False)


@app.command(epilog=shared.EXIT_CODES)
@shared.with_options
def main(
    step: shared.StepArgument,
    retriever: Annotated[str, Option(help=f"One of {', '.join(models.RETRIEVERS)}.")] = "two_tower",
    ranker: Annotated[str, Option(help=f"One of {', '.join(models.RANKERS)}.")] = "din",
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
    own |= {"tags": tags, "group": group, "diversity": diversity, "share": share}
    variant = f"{retriever}-{ranker}"
    settings = Settings.of("two_stage", variant=variant, cool_down=cool_down, **own, **run)
    if settings.source.smoke:  # Two searches and two trainings in the time of one.
        settings = dataclasses.replace(settings, trials=1, epochs=min(settings.epochs, 3))
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

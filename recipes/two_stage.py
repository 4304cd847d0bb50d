"""Two stages in four steps: `python -m recipes.two_stage {tune,train,export,query,all}`.

A retriever, what is popular and what is like a user's latest items bring some hundreds of items; a
model that learnt on what they bring ranks them; rules re-rank them; one SavedModel does all of it.
"""

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer
from typer import Option

from tfrs_ext import (
    baselines,
    data,
    evaluation,
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

KS = (5, 10, 20)
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

    def ranker_space(self) -> tuning.RankingHyperModel:
        """The ranker as a function of its hyper-parameters."""
        columns, schema = self.features.query + self.features.candidate, self.frames.schema
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
        ranks = stages.ItemRanker(ranker, self.item_columns)
        return stages.TwoStage(generators, ranks, self._make_rules(items))

    def _make_rules(self, embeddings: Any) -> list[reranking.Rule]:
        rules: list[reranking.Rule] = [reranking.Exclude()]
        if self.tags is not None:
            cells = self.frames.items[self.tags].fillna("").astype(str)
            rules.append(reranking.FilterTags([cell.split("|") for cell in cells]))
        if self.cool_down is not None:
            rules.append(reranking.CoolDown(half_life=self.cool_down))
        if self.group is not None:
            column, _, most = self.group.rpartition("=")
            groups = self.frames.items[column].fillna("").astype(str).to_numpy(object)
            rules.append(reranking.LimitGroups(groups, int(most)))
        if self.diversity is not None:
            rules.append(DIVERSITY[self.diversity](embeddings, self.share))
        return rules


def _train_retriever(settings: Settings) -> Any:
    part = settings.within("retriever")
    model = shared.fit(part, part.hypermodel(), part.training_data, [part.evaluation()])
    with files.replace_file(part.runs / "model.keras") as path:
        model.save(path, save_format="keras")
    return model


def _ranker_data(settings: Settings, retriever: Any) -> dict[str, Any]:
    """Returns what the ranker is trained on and chosen by: what the generators show."""
    # A ranker that knows nothing: the generators are called alone.
    system = settings.make_system(retriever, lambda *_, **__: 0.0, settings.split.train)
    batches, shares = {}, {}
    for name, asked in (("train", settings.learnt), ("validation", settings.validation)):
        shown, _ = stages.call_in_batches(system.generate, asked.queries, asked.seen)
        pairs = data.draw_shown_pairs(asked, shown, known=settings.frames, seed=settings.seed)
        shares[name] = pairs.labels.sum() / len(shown)
        batches[name] = functools.partial(data.shown_dataset, asked, pairs, settings.item_columns)
    said = ", ".join(f"{share:.1%} of {name} rows" for name, share in shares.items())
    shared.console.print(f"the ranker learns from rows whose item is shown: {said}")
    return {
        "train": functools.partial(batches["train"], seed=settings.seed),
        "validation_data": batches["validation"](4096, shuffle=False).cache(),
    }


def tune(settings: Settings) -> None:
    """Step 1: searches the retriever, trains it, and searches the ranker behind it."""
    part = settings.within("retriever")
    space, watchers = part.hypermodel(), [part.evaluation()]
    shared.search(part, space, part.training_data, watchers, space.usual_values)
    batches = _ranker_data(settings, _train_retriever(settings))
    shared.search(settings, settings.ranker_space(), **batches)


def train(settings: Settings) -> None:
    """Step 2: trains both, and measures what each stage adds; writes metrics.json, report.html."""
    # 2.1 Train the retriever, and the ranker on what the generators show.
    retriever = _train_retriever(settings)
    depends = shared.read_mapping(settings.runs / "retriever" / "trained.json")
    depends = {"retriever": depends["hyperparameters"], "candidates": settings.candidates}
    batches = _ranker_data(settings, retriever)
    ranker = shared.fit(settings, settings.ranker_space(), depends_on=depends, **batches)

    # 2.2 Ask all stages, and each one alone, on the test part.
    known = data.join(settings.split.train, settings.split.validation)
    system, test = settings.make_system(retriever, ranker, known), settings.test

    def ask(queries: Mapping[str, tf.Tensor], excluded: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = [generator(queries, excluded) for generator in system.generators]
        ranked = system.rank(queries, *stages.merge_found(found))
        shown = system.rerank(ranked, {}, max(KS))
        return (shown.positions, ranked.positions, *found)

    shown, ranked, *found = stages.call_in_batches(ask, test.queries, test.seen)
    by_source = dict(zip(system.sources, found, strict=True))
    lists = {"model": shown, "without rules": ranked, **by_source}
    lists = {name: _widen(positions[:, : max(KS)]) for name, positions in lists.items()}
    results = {
        name: evaluation.evaluate_rankings(positions, test.positives, KS)
        for name, positions in lists.items()
    }
    recalls = {f"{name}, {p.shape[1]}": _recall(p, test) for name, p in by_source.items()}
    recalls[f"all, at most {system.num_ranked}"] = _recall(ranked, test)

    # 2.3 Write what was found, and keep the models if they are better than popularity.
    embeddings = retriever.candidate_model.predict(settings.catalogue, verbose=0)
    counts = np.bincount(known.item_rows(), minlength=len(embeddings))
    tens = {name: positions[:, :10] for name, positions in lists.items()}
    table = evaluation.compare_results(results, clusters=test.user_rows)
    evidence = {
        "metrics": table["metrics"],
        "differences": table["differences"],
        "groups": {"Recall of stage one, at each generator's cut": {"shown": recalls}},
        "measures": report.measure_lists(tens, test.positives, counts, embeddings),
    }
    facts = {**_facts(settings), "milliseconds for one user": _time_stages(system, test)}
    files.write_json(settings.runs / "evaluation.json", {"facts": facts, **evidence})
    shared.write_report(settings, _summarize(settings))
    for name, recall in recalls.items():
        shared.console.print(f"recall of stage one: {recall:.4f} ({name})")
    shared.console.print(f"milliseconds for one user: {facts['milliseconds for one user']}")
    summaries = {name: result.summary() for name, result in results.items()}
    columns = [f"{metric}_at_{k}" for k in (10, 20) for metric in ("ndcg", "recall")]
    shared.accept(settings, ranker, summaries, columns, rivals=("popular",))


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
    shared.console.print(f"published {version}")


def query(settings: Settings) -> None:
    """Step 4: asks the newest version, in a fresh process without this package."""
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    takes = serving.read_manifest(version)["signatures"]["recommend"]["inputs"]
    nothing = {name: [[]] for name, facts in takes.items() if len(facts["shape"]) == 2}
    shared.ask(settings, "recommend", k=settings.k, **nothing)


def _widen(positions: Any) -> Any:
    """Returns lists of as many places as the largest cut-off asks for."""
    lacking = max(KS) - positions.shape[1]
    return np.pad(positions, [(0, 0), (0, max(0, lacking))], constant_values=-1)


def _recall(positions: Any, asked: data.EvaluationQueries) -> float:
    wanted = asked.positives.to_tensor(-2)[:, :1].numpy()
    return float(np.mean(np.any(positions == wanted, axis=1)))


def _time_stages(system: stages.TwoStage, asked: data.EvaluationQueries) -> str:
    """Returns the median time that one user takes in each stage, in milliseconds."""
    one = {name: tf.constant(values[:1]) for name, values in asked.queries.items()}
    excluded = tf.pad(tf.cast(asked.seen[:1], tf.int32).to_tensor(-1), [[0, 0], [1, 0]])
    steps = {
        "generate": (system.generate, (one, excluded)),
        "rank": (system.rank, (one, *system.generate(one, excluded))),
    }
    steps["re-rank"] = (system.rerank, (system.rank(*steps["rank"][1]), {}, tf.constant(10)))
    found = {}
    for name, (function, arguments) in steps.items():
        graph, times = tf.function(function, autograph=False), []
        for _ in range(30):
            begin = time.perf_counter()
            graph(*arguments)
            times.append(1e3 * (time.perf_counter() - begin))
        found[name] = np.median(times)
    return ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in found.items())


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


@app.command()
@shared.with_options
def main(
    step: shared.Step,
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
    if diversity not in (None, *DIVERSITY):
        raise ValueError(f"`diversity` must be one of {', '.join(DIVERSITY)}, got {diversity!r}")
    kinds = ("auto", *indexes.index_kinds())
    if index not in kinds:
        raise ValueError(f"`index` must be one of {', '.join(kinds)}, received {index!r}")
    own = {"index": index, "model": retriever, "ranker": ranker, "candidates": candidates}
    own |= {"tags": tags, "group": group, "diversity": diversity, "share": share}
    variant = f"{retriever}-{ranker}"
    settings = Settings.of("two_stage", variant=variant, cool_down=cool_down, **own, **run)
    if settings.source.smoke:  # Two searches and two trainings in the time of one.
        settings = dataclasses.replace(settings, trials=1, epochs=min(settings.epochs, 3))
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

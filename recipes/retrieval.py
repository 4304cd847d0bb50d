"""A two-tower retriever: `python -m recipes.retrieval {tune,train,export,query,all}`.

The stages meet through files under `--runs`, so each runs alone, and the same command goes on
where it was interrupted: `tune` writes hparams.json; `train` writes model.keras, metrics.json and
report.html; `export` writes `saved_models/retrieval/<version>/` with a model card, and the report
anew; `query` asks the newest version in a fresh process that has TensorFlow alone.
"""

import dataclasses
import functools
from typing import Annotated, Any

import typer

from recipes import options, run_report, stages
from recipes.retrieval_comparison import KS, Comparison, embed
from recipes.retrieval_evidence import evidence, titles
from recipes.retrieval_problem import RetrievalProblem
from tfrs_ext import callbacks, data, indexes, report, serving, tuning
from tfrs_ext.files import read_json, write_json


@dataclasses.dataclass(frozen=True)
class Config(stages.Run):
    """What one run of this recipe is told."""

    index: str

    @functools.cached_property
    def problem(self) -> RetrievalProblem:
        """The data, loaded when a stage first needs them."""
        return RetrievalProblem.of(self.source)

    def hypermodel(self) -> tuning.RetrievalHyperModel:
        """The model as a function of its hyper-parameters."""
        features = self.problem.features
        return tuning.RetrievalHyperModel(
            features.query, features.candidate, self.problem.item_counts()
        )

    def training_data(self, batch_size: int) -> Any:
        """Batches of the training part."""
        problem = self.problem
        return data.training_dataset(
            problem.split.train, problem.features, batch_size, seed=self.seed
        )

    def evaluation(self) -> callbacks.RetrievalEvaluation:
        """The callback that puts `val_ndcg_at_10` into the logs."""
        problem = self.problem
        queries = problem.validation
        return callbacks.RetrievalEvaluation(
            queries.queries,
            data.candidates_dataset(problem.frames, problem.features, 1024),
            queries.positives,
            seen=queries.seen,
            ks=KS,
        )


def tune(config: Config) -> None:
    """Searches hyper-parameters and writes hparams.json."""
    hypermodel = config.hypermodel()
    # Few trials are better spent on one kind of loss than on all.
    fixed = {"loss": "sampled_softmax"}
    stages.search(config, hypermodel, config.training_data, [config.evaluation()], fixed)
    trials = read_json(config.runs / "trials.json")
    report.log_trials(config.runs / "train" / "logs", trials, hypermodel.objective.name)


def train(config: Config) -> None:
    """Trains with the tuned hyper-parameters; writes model, metrics and report."""
    watchers = [config.evaluation(), callbacks.TrainingTrace(config.problem.items_by_popularity())]
    model = stages.fit(config, config.hypermodel(), config.training_data, watchers)
    comparison = Comparison.of(config.problem, model, config.seed)
    results = comparison.results()
    results["model"].save(config.runs / "results.npz")
    write_json(config.runs / "evaluation.json", evidence(comparison, results, config.seed))
    labels = {"title": titles(config.problem)}
    report.log_embeddings(config.runs / "train" / "logs", comparison.items, labels)
    run_report.write(config, page(config))
    summaries = {name: result.summary() for name, result in results.items()}
    columns = [f"{metric}_at_{k}" for metric in ("ndcg", "recall") for k in KS]
    stages.report(config, model, summaries, columns, baseline="popularity")


def export(config: Config) -> None:
    """Publishes a version whose users are as they were at the end of the data."""
    model, problem = stages.trained(config), config.problem
    frames, schema = problem.frames, problem.frames.schema
    seen = frames.interactions.groupby(schema.user_id)[schema.item_id].agg(list)
    users = serving.Users(
        data.user_states(frames, problem.features),
        user_id=schema.user_id,
        seen=[seen.get(user, []) for user in frames.users[schema.user_id]],
    )
    items = serving.Items(
        {schema.item_id: frames.items[schema.item_id].to_numpy()},
        item_id=schema.item_id,
        fields={"title": frames.items[schema.title].to_numpy()} if schema.title else None,
    )
    version = serving.export(
        config.base,
        model.query_model,
        embed(problem, model),
        items,
        users=users,
        index=config.index,
        facts=stages.facts(config),
        model_card=lambda manifest: report.model_card(page(config, manifest)),
    )
    manifest = serving.read_manifest(version)
    run_report.write(config, page(config, manifest))
    index = manifest["index"]
    stages.console.print(
        f"published {version}: {index['kind']} index, recall {index['recall']:.3f}"
    )


def page(config: Config, manifest: Any = None) -> report.RunSummary:
    """Returns what the report and the model card say."""
    objective = tuning.RetrievalHyperModel.objective.name
    return run_report.page(config, "Retrieval", objective, manifest)


def query(config: Config) -> None:
    """Asks the newest version, in a fresh process without this package."""
    user = config.user or stages.first_user(config.problem.frames)
    stages.ask(config, user, "recommend", k=config.k, exclusions=[[]])


app = typer.Typer(add_completion=False)


@app.command()
@options.shared
def main(
    stage: stages.Stage,
    index: Annotated[str, typer.Option(help=f"auto, {', '.join(indexes.index_kinds())}.")] = "auto",
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a two-tower retriever."""
    config = Config.of("retrieval", index=index, **run)
    stages.execute(config, stage, (tune, train, export, query))


if __name__ == "__main__":
    app()

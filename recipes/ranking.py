"""A model that ranks items for a user: `python -m recipes.ranking {tune,train,export,query,all}`.

The stages meet through files under `--runs`, as in `recipes.retrieval`: `tune` writes
hparams.json; `train` writes model.keras, metrics.json and report.html; `export` writes
`saved_models/ranking/<version>/` with a model card, and the report anew; `query` asks the newest
version in a fresh process: for the best of the items that `--candidate` names, or of all.
"""

import dataclasses
import functools
from typing import Annotated, Any

import typer

from recipes import options, run_report, stages
from recipes.ranking_comparison import COLUMNS, compare
from recipes.ranking_problem import RankingProblem
from tfrs_ext import data, models, report, serving, tuning
from tfrs_ext.files import write_json

MODELS = tuple(models.RANKERS)


@dataclasses.dataclass(frozen=True)
class Config(stages.Run):
    """What one run of this recipe is told."""

    model: str
    candidates: tuple[str, ...]

    @functools.cached_property
    def problem(self) -> RankingProblem:
        """The data, loaded when a stage first needs them."""
        return RankingProblem.of(self.source, self.seed)

    def hypermodel(self) -> tuning.RankingHyperModel:
        """The model as a function of its hyper-parameters."""
        schema = self.problem.frames.schema
        return tuning.RankingHyperModel(
            self.problem.columns, schema.item_id, schema.user_id, self.model
        )

    def training_data(self, batch_size: int) -> Any:
        """Batches of the training part."""
        return self.problem.training(batch_size, self.seed)


def tune(config: Config) -> None:
    """Searches hyper-parameters and writes hparams.json."""
    stages.search(
        config,
        config.hypermodel(),
        config.training_data,
        validation_data=config.problem.validation,
    )


def train(config: Config) -> None:
    """Trains with the tuned hyper-parameters; writes model, metrics and report."""
    model = stages.fit(
        config,
        config.hypermodel(),
        config.training_data,
        validation_data=config.problem.validation,
    )
    results = compare(config.problem, model)
    evidence = {"facts": config.problem.facts(), "metrics": results}
    write_json(config.runs / "evaluation.json", evidence)
    run_report.write(config, page(config))
    stages.report(config, model, results, COLUMNS, baseline="item rate")


def export(config: Config) -> None:
    """Publishes a version whose users are as they were at the end of the data."""
    model, problem = stages.trained(config), config.problem
    frames, schema = problem.frames, problem.frames.schema
    positives = problem.positives()
    seen = positives.interactions.groupby(schema.user_id)[schema.item_id].agg(list)
    users = serving.Users(
        data.user_states(frames, problem.features, history=positives),
        user_id=schema.user_id,
        seen=[seen.get(user, []) for user in frames.users[schema.user_id]],
    )
    items = serving.Items(
        data.item_columns(frames, problem.features),
        item_id=schema.item_id,
        fields={"title": frames.items[schema.title].to_numpy()} if schema.title else None,
    )
    version = serving.export_ranker(
        config.base,
        model,
        users,
        items,
        facts=stages.facts(config),
        model_card=lambda manifest: report.model_card(page(config, manifest)),
    )
    run_report.write(config, page(config, serving.read_manifest(version)))
    stages.console.print(f"published {version}")


def page(config: Config, manifest: Any = None) -> report.RunSummary:
    """Returns what the report and the model card say."""
    return run_report.page(config, f"Ranking, {config.model}", "val_auc", manifest)


def query(config: Config) -> None:
    """Asks the newest version, in a fresh process without this package."""
    user = config.user or stages.first_user(config.problem.frames)
    if config.candidates:
        stages.ask(config, user, "rank", candidates=config.candidates)
    else:
        stages.ask(config, user, "recommend", k=config.k, exclusions=[[]])


app = typer.Typer(add_completion=False)


@app.command()
@options.shared
def main(
    stage: stages.Stage,
    model: Annotated[str, typer.Option(help=f"One of {', '.join(MODELS)}.")] = "din",
    candidate: Annotated[
        list[str] | None, typer.Option(help="An item for `query` to rank; repeatable.")
    ] = None,
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a model that ranks items for a user."""
    candidates = tuple(candidate or ())
    config = Config.of("ranking", variant=model, model=model, candidates=candidates, **run)
    stages.execute(config, stage, (tune, train, export, query))


if __name__ == "__main__":
    app()

"""A two-tower retriever: `python -m recipes.retrieval {tune,train,export,query,all}`.

The stages meet through files under `--runs`, so each runs alone, and the same command goes on
where it was interrupted: `tune` writes hparams.json; `train` writes model.keras and metrics.json;
`export` writes `saved_models/retrieval/<version>/`; `query` asks the newest version in a fresh
process that has TensorFlow alone.
"""

import dataclasses
import enum
import functools
import pathlib
from typing import Annotated, Any

import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table

from recipes.comparison import KS, compare, embed, show
from recipes.files import read_json, write_json
from recipes.problem import DATA, SPLITS, Problem, Source
from recipes.training import fit_resumable
from tfrs_ext import data, metrics, serving, tuning

OBJECTIVE = "val_ndcg_at_10"
console = Console()


class Stage(str, enum.Enum):
    """What to run."""

    TUNE = "tune"
    TRAIN = "train"
    EXPORT = "export"
    QUERY = "query"
    ALL = "all"


@dataclasses.dataclass(frozen=True)
class Config:
    """What one run of the recipe is told."""

    source: Source
    runs: pathlib.Path
    base: pathlib.Path
    trials: int
    budget: float | None
    epochs: int
    patience: int
    index: str
    seed: int

    @functools.cached_property
    def problem(self) -> Problem:
        """The data, loaded when a stage first needs them."""
        return Problem.of(self.source)

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

    def evaluation(self) -> metrics.RetrievalEvaluation:
        """The callback that puts `val_ndcg_at_10` into the logs."""
        problem = self.problem
        queries = problem.validation
        return metrics.RetrievalEvaluation(
            queries.queries,
            data.candidates_dataset(problem.frames, problem.features, 1024),
            queries.positives,
            seen=queries.seen,
            ks=KS,
        )


def tune(config: Config) -> None:
    """Searches hyper-parameters and writes hparams.json."""
    hypermodel = config.hypermodel()
    tuner = tuning.RandomSearch(
        hypermodel,
        tuning.Objective(OBJECTIVE, "max"),
        max_trials=config.trials,
        seed=config.seed,
        directory=config.runs,
        project_name="tuner",
        overwrite=False,
    )
    stop = tf.keras.callbacks.EarlyStopping(OBJECTIVE, mode="max", patience=config.patience)
    result = tuning.search(
        tuner,
        config.training_data,
        trials=config.trials,
        budget_seconds=None if config.budget is None else 60 * config.budget,
        seed=config.seed,
        tell=console.print,
        epochs=config.epochs,
        callbacks=[config.evaluation(), stop],
    )
    write_json(config.runs / "trials.json", result.trials)
    write_json(config.runs / "hparams.json", result.best)
    console.print(f"best trial: {OBJECTIVE} {result.score:.4f} with {result.best}")


def train(config: Config) -> None:
    """Trains with the tuned hyper-parameters; writes model.keras and metrics.json."""
    hparams = read_json(config.runs / "hparams.json")
    if hparams is None:
        console.print("no hparams.json, so the defaults are trained; `tune` makes one")
    model = fit_resumable(
        config.hypermodel(),
        tuning.fixed(hparams or {}),
        config.training_data,
        config.evaluation(),
        config.runs / "train",
        objective=OBJECTIVE,
        epochs=config.epochs,
        patience=config.patience,
        seed=config.seed,
    )
    results = compare(config.problem, model, config.seed)
    report = {name: result.summary() for name, result in results.items()}
    show(console, report)
    write_json(config.runs / "metrics.json", report)
    if report["model"]["ndcg_at_10"] <= report["popularity"]["ndcg_at_10"]:
        raise RuntimeError(
            "the model doesn't beat popularity by NDCG@10 on the test part, so it isn't saved: "
            "tune longer (`--trials`), train longer (`--epochs`), or check the data"
        )
    aside = config.runs / ".model.keras"
    model.save(aside, save_format="keras")
    aside.replace(config.runs / "model.keras")


def export(config: Config) -> None:
    """Publishes a version whose users are as they were at the end of the data."""
    path = config.runs / "model.keras"
    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `train` first")
    problem, model = config.problem, tf.keras.models.load_model(path)
    frames, schema = problem.frames, problem.frames.schema
    item_ids = frames.items[schema.item_id].to_numpy()
    seen = frames.interactions.groupby(schema.user_id)[schema.item_id].agg(list)
    users = frames.users[schema.user_id]
    version = serving.export(
        config.base,
        model.query_model,
        embed(problem, model),
        item_ids,
        users=data.user_states(frames, problem.features),
        item_fields={"title": frames.items[schema.title].to_numpy()} if schema.title else None,
        seen=users.map(seen).map(lambda items: items if isinstance(items, list) else []).tolist(),
        user_key=schema.user_id,
        item_key=schema.item_id,
        index=config.index,
        facts={
            "metrics": read_json(config.runs / "metrics.json"),
            "hparams": read_json(config.runs / "hparams.json"),
            "source": dataclasses.asdict(config.source),
        },
    )
    index = serving.read_manifest(version)["index"]
    console.print(f"published {version}: {index['kind']} index, recall {index['recall']:.3f}")


def query(base: pathlib.Path, user: str | None, k: int) -> None:
    """Asks the newest version, in a fresh process without this package."""
    version = serving.latest_version(base)
    if version is None:
        raise RuntimeError(f"there is no version in {base}: run `export` first")
    signature = serving.read_manifest(version)["signatures"]["recommend"]
    (key,) = set(signature["inputs"]) - {"k", "exclusions"}
    is_number = signature["inputs"][key]["dtype"].startswith("int")
    if user is None:
        raise RuntimeError("`--user` must be an id, received none")
    (item_key,) = {
        name for name, facts in signature["outputs"].items() if name not in ("score", "title")
    }
    answer = serving.query_fresh(
        version,
        {key: [int(user) if is_number else user], "k": k, "exclusions": [[]]},
        "recommend",
    )
    table = Table(title=f"{version.name}: for {key} {user}", title_justify="left")
    names = [item_key, *({"title"} & set(answer)), "score"]
    for name in ["rank", *names]:
        table.add_column(name, justify="left" if name == "title" else "right")
    for rank, row in enumerate(zip(*(answer[name][0] for name in names), strict=True), start=1):
        *cells, score = row
        table.add_row(str(rank), *map(str, cells), f"{score:.3f}")
    console.print(table)


app = typer.Typer(add_completion=False)


@app.command()
def main(
    stage: Stage,
    data_name: Annotated[str, typer.Option("--data", help=f"One of {', '.join(DATA)}.")] = DATA[0],
    path: Annotated[str | None, typer.Option(help="MovieLens' folder or archive.")] = None,
    interactions: Annotated[str | None, typer.Option(help="Your CSV or Parquet file.")] = None,
    users: Annotated[str | None, typer.Option(help="Your users, CSV or Parquet.")] = None,
    items: Annotated[str | None, typer.Option(help="Your items, CSV or Parquet.")] = None,
    schema: Annotated[str | None, typer.Option(help="JSON: data.Schema's arguments.")] = None,
    split: Annotated[str, typer.Option(help=f"One of {', '.join(SPLITS)}.")] = "global-time",
    runs: Annotated[pathlib.Path | None, typer.Option(help="Folder for results.")] = None,
    base: Annotated[pathlib.Path | None, typer.Option(help="Folder of versions.")] = None,
    trials: Annotated[int, typer.Option(help="Trials of the search.")] = 6,
    budget: Annotated[float | None, typer.Option(help="Minutes for the search.")] = None,
    epochs: Annotated[int, typer.Option(help="At most so many epochs.")] = 20,
    patience: Annotated[int, typer.Option(help="Epochs without gain before the end.")] = 2,
    index: Annotated[str, typer.Option(help="auto, exact or scann.")] = "auto",
    user: Annotated[str | None, typer.Option(help="Whom `query` is for.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many items `query` shows.")] = 10,
    seed: int = 1,
    smoke: Annotated[bool, typer.Option(help="All of it small, in a minute.")] = False,
) -> None:
    """Tunes, trains, exports and queries a two-tower retriever."""
    name = "files" if interactions is not None else data_name
    source = Source(name, path, interactions, users, items, schema, split, smoke)
    label = f"{name}-{split}" + ("-smoke" if smoke else "")
    config = Config(
        source=source,
        runs=runs or pathlib.Path("runs", "retrieval", label),
        base=base or pathlib.Path("saved_models", "retrieval"),
        trials=2 if smoke else trials,
        budget=budget,
        epochs=6 if smoke else epochs,
        patience=patience,
        index=index,
        seed=seed,
    )
    try:
        if stage is not Stage.QUERY:  # Which reads the published version alone.
            check_same_source(config)
        for step in (tune, train, export):
            if stage in (Stage.ALL, Stage(step.__name__)):
                console.rule(step.__name__)
                step(config)
        if stage in (Stage.ALL, Stage.QUERY):
            if user is None and stage is Stage.ALL:
                frames = config.problem.frames
                user = str(frames.users[frames.schema.user_id].iloc[0])
            query(config.base, user, k)
    except (RuntimeError, ValueError, OSError) as error:
        console.print(f"[red]{type(error).__name__}[/red]: {error}", highlight=False)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        raise typer.Exit(130) from None


def check_same_source(config: Config) -> None:
    """Refuses to go on in a folder that was begun with other data."""
    path, ours = config.runs / "source.json", dataclasses.asdict(config.source)
    begun = read_json(path)
    if begun is None:
        write_json(path, ours)
    elif begun != ours:
        raise ValueError(
            f"`--runs` must be a folder that was begun with the same data, received {config.runs} "
            f"of {begun}: name another, or delete it"
        )


if __name__ == "__main__":
    app()

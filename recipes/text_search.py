"""A search of titles in four steps: `python -m recipes.text_search {tune,train,export,query,all}`.

A DSSM learns to find an item by what people type: titles with a slip of the finger, or cut short.
Without `--data` the titles are made up. The steps meet through files under `--runs`, so each runs
alone, and the same command goes on where it was interrupted.
"""

import dataclasses
import functools
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
import typer
from rich.table import Table
from rich.text import Text

from tfrs_ext import callbacks, data, evaluation, features, files, layers, report, serving, tuning

from . import shared

SHOWN = (1, 10)
REPEATS = {"smoke": 3, "whole": 10}
_YEAR = re.compile(r"\s*\(\d{4}[^()]*\)\s*$")


@dataclasses.dataclass(frozen=True)
class Settings(shared.Settings):
    """What one run of this recipe is told, and the texts that its steps share."""

    text: str

    @functools.cached_property
    def titles(self) -> list[str]:
        """The documents: the titles of all items, in the order of the catalogue."""
        if self.frames.schema.title is None:
            raise ValueError("`--title` must name the column of the items' titles, received none")
        return report.item_titles(self.frames)

    @functools.cached_property
    def typed(self) -> list[str]:
        """What people mean to type: the titles without the year at their end."""
        return [_YEAR.sub("", title) or title for title in self.titles]

    @functools.cached_property
    def positives(self) -> list[list[int]]:
        """The items that a query for each title should find: all of the same title."""
        places = defaultdict(list)
        for place, title in enumerate(self.typed):
            places[title.lower()].append(place)
        return [places[title.lower()] for title in self.typed]

    @property
    def repeats(self) -> int:
        """How often training makes queries of each title."""
        return REPEATS["smoke" if self.source.smoke else "whole"]

    @property
    def item_ids(self) -> np.ndarray:
        """The ids of all items."""
        return self.frames.items[self.frames.schema.item_id].to_numpy()

    @property
    def catalogue(self) -> dict[str, np.ndarray]:
        """The document tower's column of all items."""
        return {"title": np.array(self.titles, object)}

    def questions(self, seed: int) -> dict[str, np.ndarray]:
        """A query for each title, with one typo."""
        return {"query": np.array(data.misspell(self.typed, seed), object)}

    def training_data(self, batch_size: int) -> tf.data.Dataset:
        """Batches of queries with the title that each was made of."""
        queries: list[str] = []
        for seed in range(self.seed, self.seed + 10 * self.repeats, 10):
            short = data.abridge(self.typed, seed)
            queries += data.misspell(self.typed, seed + 1) + short + data.misspell(short, seed + 2)
        copies = len(queries) // len(self.titles)
        rows = {
            "query": np.array(queries, object),
            "title": np.tile(self.catalogue["title"], copies),
            # Items of one title are one: neither is a negative of the other.
            "item_id": np.tile([places[0] for places in self.positives], copies),
        }
        batches = tf.data.Dataset.from_tensor_slices(rows)
        return batches.shuffle(len(queries), seed=self.seed).batch(batch_size).prefetch(2)

    def hypermodel(self) -> tuning.RetrievalHyperModel:
        """The model as a function of its hyper-parameters."""
        title = features.Trigrams.fit(
            "title", self.frames.items[self.frames.schema.title], num_buckets=1024
        )
        query = dataclasses.replace(title, name="query")  # Typos' trigrams fall into the buckets.
        places = features.Categorical("item_id", tuple(range(len(self.titles))))
        return tuning.RetrievalHyperModel([query], [places, title], model="dssm")

    def evaluation(self) -> callbacks.RetrievalEvaluation:
        """The callback that puts `val_ndcg_at_10` into the logs."""
        asked = self.questions(self.seed + 1003)
        return callbacks.RetrievalEvaluation(asked, self.catalogue, self.positives, ks=SHOWN)


def tune(settings: Settings) -> None:
    """Step 1: searches hyper-parameters; writes trials.json and hparams.json."""
    hypermodel, watchers = settings.hypermodel(), [settings.evaluation()]
    shared.search(settings, hypermodel, settings.training_data, watchers, hypermodel.usual_values)


def train(settings: Settings) -> None:
    """Step 2: trains with them; writes model.keras, metrics.json and report.html."""
    # 2.1 Train, and keep the best epoch.
    watchers = [settings.evaluation()]
    model = shared.fit(settings, settings.hypermodel(), settings.training_data, watchers)

    # 2.2 Compare with search by words and by trigrams that nobody trained, on typos of its own.
    asked, catalogue = settings.questions(settings.seed + 1004), settings.catalogue
    sides = {
        "model": (
            model.query_model.predict(asked, batch_size=4096, verbose=0),
            model.candidate_model.predict(catalogue, batch_size=4096, verbose=0),
        )
    }
    for name, weigh in {"words": word_weights, "trigrams": trigram_weights}.items():
        sides[name] = weigh(asked["query"], catalogue["title"])
    results = {
        name: evaluation.evaluate_retrieval(*side, settings.positives, ks=SHOWN).summary()
        for name, side in sides.items()
    }

    # 2.3 Write what was found, and keep the model if it beats the search by words.
    metrics = {
        name: {metric: float(value) for metric, value in result.items()}
        for name, result in results.items()
    }
    evidence = {"facts": _facts(settings), "metrics": metrics}
    files.write_json(settings.runs / "evaluation.json", evidence)
    columns = ["hit_rate_at_1", "hit_rate_at_10", "ndcg_at_10"]
    shared.accept(
        settings, model, metrics, columns, rivals=("words",), summary=_summarize(settings)
    )


def export(settings: Settings) -> None:
    """Step 3: publishes a version that takes what people type."""
    model = shared.trained(settings)
    version = serving.export(
        settings.base,
        model.query_model,
        model.candidate_model,
        serving.Items(
            {"item_id": settings.item_ids, **settings.catalogue},
            fields={"title": np.array(settings.titles)},
        ),
        queries=settings.questions(settings.seed),
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
    text = settings.text or settings.questions(settings.seed)["query"][0]
    answer = serving.query_fresh(
        version, {"query": [text], "k": settings.k, "exclusions": [[]]}, "recommend"
    )
    table = Table("rank", "item_id", "title", "score", title=Text(f"{version.name}: for {text!r}"))
    rows = zip(*(answer[name][0] for name in ("item_id", "title", "score")), strict=True)
    for rank, (item, title, score) in enumerate(rows, start=1):
        table.add_row(str(rank), Text(str(item)), Text(str(title)), f"{score:.3f}")
    shared.console.print(table)


def word_weights(queries: np.ndarray, titles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns unit vectors of the words that texts have, rare ones weighing more (tf-idf)."""
    words = tf.keras.layers.TextVectorization(output_mode="tf_idf")
    words.adapt(titles)
    return tuple(tf.math.l2_normalize(words(side), 1).numpy() for side in (queries, titles))


def trigram_weights(queries: np.ndarray, titles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns unit vectors of the letter trigrams that texts have, weighed likewise."""
    trigrams = layers.LetterTrigrams()
    trigrams.adapt(titles)
    counts = [tf.sparse.to_dense(trigrams(tf.constant(side))) for side in (queries, titles)]
    rows = tf.reduce_sum(tf.cast(counts[1] > 0, tf.float32), axis=0)
    weights = tf.math.log(1.0 + len(titles) / (1.0 + rows))
    return tuple(tf.math.l2_normalize(side * weights, 1).numpy() for side in counts)


def _facts(settings: Settings) -> dict[str, Any]:
    return {
        "data": settings.source.name,
        "titles": len(settings.titles),
        "protocol": "each title is a query, with one typo that training did not see; all titles "
        "are ranked; items of the same title count alike; ties count against the model",
    }


def _summarize(settings: Settings, manifest: Mapping[str, Any] | None = None) -> report.RunSummary:
    objective = tuning.RetrievalHyperModel.objective.name
    return shared.summarize(settings, "Text search", objective, manifest)


app = typer.Typer(add_completion=False)


@app.command()
@shared.with_options
def main(
    step: shared.Step,
    text: Annotated[str, typer.Option(help="What `query` looks for.")] = "",
    **run: Any,
) -> None:
    """Tunes, trains, exports and queries a search of titles that forgives typos."""
    settings = Settings.of("text_search", text=text, **run)
    shared.run_steps(settings, step, (tune, train, export, query))


if __name__ == "__main__":
    app()

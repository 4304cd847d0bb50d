"""Does a query with a typo find its title? DSSM on trigrams beside words and plain search.

Each title of MovieLens-1M, without its year, is a query with one typo: a letter too many, missing,
wrong, or two swapped. All titles are ranked. A query finds what it should where an item of its
title comes first (or among ten); ties count against the search. The networks train on the same
queries, made by other draws: titles with one typo, titles cut short, and both. They differ in what
they count, letter trigrams or whole words by hash, and in the number of negatives.

Run: python -m benchmarks.dssm_typos --path FOLDER
"""

import argparse
import dataclasses
import functools

import numpy as np
import tensorflow as tf

from benchmarks.ledger import Ledger, Row
from recipes import shared, text_search
from tfrs_ext import features, layers, models, negatives
from tfrs_ext.ops.words import split_words

BATCH = 512
NETWORKS = {
    "DSSM on words": ("words", 4),
    "DSSM on trigrams": ("trigrams", 4),
}
WEIGHTS = {
    "words, tf-idf": text_search.word_weights,
    "trigrams, tf-idf": text_search.trigram_weights,
}
METRICS = ("hit_rate_at_1", "hit_rate_at_10", "mrr_at_10")


class WordCounts(layers.LetterTrigrams):
    """Counts whole words in the place of trigrams."""

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the words."""
        return split_words(texts)


@dataclasses.dataclass(frozen=True)
class Words(features.Trigrams):
    """A column of texts as whole words, by hash."""

    kind = "hashed_words"

    def trigrams(self) -> WordCounts:
        """Returns the layer that counts."""
        return WordCounts(num_buckets=self.num_buckets)


def load(path: str, seed: int) -> text_search.Settings:
    """Returns the recipe's view of MovieLens-1M."""
    source = shared.DataSource("movielens-1m", path)
    run = {"trials": 1, "budget": None, "epochs": 1, "patience": 0, "user": None, "k": 10}
    run |= {
        "trial_epochs": 1,
        "runs": None,
        "base": None,
        "fresh": False,
        "seed": seed,
        "text": "",
    }
    return text_search.Settings.of("text_search", source, **run)


def train(settings: text_search.Settings, kind: str, drawn: int | None, epochs: int) -> models.DSSM:
    """Returns a network; `drawn` is the number of negatives a query, None for the whole batch."""
    title = {
        "trigrams": lambda: features.Trigrams.fit(
            "title", settings.frames.items["title"], num_buckets=1024
        ),
        "words": lambda: Words("title", num_buckets=8192),
    }[kind]()
    query = dataclasses.replace(title, name="query")
    item = features.Categorical("item_id", tuple(range(len(settings.titles))))
    tf.keras.utils.set_random_seed(settings.seed)
    source = negatives.InBatch() if drawn is None else negatives.PerQuery(drawn, seed=settings.seed)
    model = models.DSSM.from_features([query], [item, title], shared=True, negatives=source)
    model.compile(tf.keras.optimizers.Adam(0.001))
    model.fit(settings.training_data(BATCH), epochs=epochs, verbose=0)
    return model


def vectors_of(model: models.DSSM, asked: dict, catalogue: dict) -> tuple[np.ndarray, np.ndarray]:
    """Returns the embeddings of queries and titles."""
    return (
        model.query_model.predict(asked, batch_size=1024, verbose=0),
        model.candidate_model.predict(catalogue, batch_size=1024, verbose=0),
    )


def substring_scores(queries: np.ndarray, titles: np.ndarray) -> np.ndarray:
    """Returns `[Q, C]`: the share of the query's words that the title holds somewhere."""
    low = [title.lower() for title in titles]
    vocabulary = {word for query in queries for word in query.lower().split()}
    holds = {word: np.array([word in title for title in low], np.float32) for word in vocabulary}
    words = [query.lower().split() for query in queries]
    return np.stack([np.mean([holds[word] for word in row], axis=0) for row in words])


def ranked(scores: np.ndarray, positives: list[list[int]]) -> dict[str, float]:
    """Returns the metrics of a matrix of scores `[Q, C]`, ties against the search."""
    ranks = []
    for row, places in zip(scores, positives, strict=True):
        best = row[places].max()
        ranks.append(1 + np.sum(row >= best) - np.sum(row[places] >= best))
    rank = np.array(ranks)
    values = (rank <= 1).mean(), (rank <= 10).mean(), np.where(rank <= 10, 1 / rank, 0.0).mean()
    return dict(zip(METRICS, map(float, values), strict=True))


def find(settings: text_search.Settings, name: str, epochs: int) -> Row:
    """Returns the metrics of one kind of search, on the queries of one seed."""
    asked, catalogue = settings.questions(settings.seed + 1004), settings.catalogue
    queries, titles = asked["query"], catalogue["title"]
    if name == "substring":
        return ranked(substring_scores(queries, titles), settings.positives)
    if name in WEIGHTS:
        left, right = WEIGHTS[name](queries, titles)
    else:
        left, right = vectors_of(train(settings, *NETWORKS[name], epochs), asked, catalogue)
    return ranked(left @ right.T, settings.positives)


def main() -> None:
    """Measures all searches with each seed, keeps what was found, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    runs = [load(options.path, seed) for seed in range(options.seeds)]
    facts = {"titles": len(runs[0].titles), "epochs": options.epochs, "batch": BATCH}
    names = ("substring", *WEIGHTS, *NETWORKS)
    ledger = Ledger("dssm_typos", facts, total=len(names) * len(runs))
    for run in runs:
        for name in names:
            ledger.run(
                functools.partial(find, run, name, options.epochs), search=name, seed=run.seed
            )
    for name in names:
        means = [np.mean([row[m] for row in ledger.find(search=name)]) for m in METRICS]
        print("|", name, "|", " | ".join(f"{mean:.3f}".lstrip("0") for mean in means), "|")


if __name__ == "__main__":
    main()

"""What towers of ids, of hashed ids and of features find of items that training never saw.

MovieLens-1M at the global-time split. A tenth of the items, drawn at random, is new: the training
part lacks their rows, and they are in the catalogue that is ranked. The query tower is the same for
all: user id, user features and history. Held-out rows are queries, the user as just before each;
what the user has seen is left out, ties count against the model. Queries are told apart by whether
their item is new, and whether their user is.

Run: python -m benchmarks.new_items --path FOLDER
"""

import argparse
import dataclasses
from typing import Any

import numpy as np

from benchmarks.timing import write
from tfrs_ext import data, evaluation, models, optimizers
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature

BATCH, WIDTH, HISTORY, QUERIES = 1024, 32, 20, 5_000
METRICS = ("recall_at_10", "recall_at_100", "ndcg_at_10")


def variants(features: data.FeatureSet) -> dict[str, tuple[Feature, ...]]:
    """Returns the candidate's columns of each tower."""
    item_id, *others = features.candidate
    assert isinstance(item_id, Categorical)
    trained = dataclasses.replace(item_id, unknown_rate=0.1)
    hashed = dataclasses.replace(trained, num_hash_buckets=len(item_id.vocabulary) // 4)
    return {
        "ids": (item_id,),
        "ids, a tenth hashed in training": (hashed,),
        "features and ids": (item_id, *others),
        "features and ids, a tenth unknown in training": (trained, *others),
        "features and ids, a tenth hashed in training": (hashed, *others),
        "features": tuple(others),
    }


def hide(split: data.Split, share: float, seed: int) -> tuple[data.Frames, Any]:
    """Returns the training part without the rows of some items, and which items are new."""
    size = len(split.train.items)
    is_new = np.zeros(size, bool)
    is_new[np.random.default_rng(seed).permutation(size)[: round(share * size)]] = True
    known = np.flatnonzero(~is_new[split.train.item_rows()])
    return split.train.select(known), is_new


def main() -> None:
    """Trains the towers, and prints what each finds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    frames = data.load_movielens("1m", options.path)
    split = data.global_time_split(frames)
    train, is_new = hide(split, 0.1, options.seed)
    features = data.fit_features(train, history_length=HISTORY)
    known = data.join(split.train, split.validation)
    asked = data.next_item_queries(
        split.test, features, history_from=known, max_queries=QUERIES, seed=options.seed
    )
    is_untrained = np.bincount(train.item_rows(), minlength=len(is_new)) == 0
    of_new_item = is_untrained[asked.positives.flat_values.numpy()]
    of_new_user = ~np.isin(asked.user_rows, np.unique(train.user_rows()))
    groups = {
        "known items": ~of_new_item,
        "new items": of_new_item,
        "known items, new users": ~of_new_item & of_new_user,
        "known items, known users": ~of_new_item & ~of_new_user,
    }
    items = data.item_columns(frames, features)
    batches = data.training_dataset(train, features, BATCH, seed=options.seed).take(options.steps)
    results: dict[str, Any] = {"queries": {n: int(of.sum()) for n, of in groups.items()}}
    for name, candidate in variants(features).items():
        keras.utils.set_random_seed(options.seed)
        model = models.TwoTower.from_features(
            features.query,
            candidate,
            item_counts=data.item_counts(train),
            embedding_dim=WIDTH,
            hidden_units=(64,),
            item_id=frames.schema.item_id,
        )
        model.compile(optimizers.LazyAdam(0.003))
        model.fit(batches, verbose=0)
        found = evaluation.evaluate_retrieval(
            model.query_model.predict(asked.queries, 4096, verbose=0),
            model.candidate_model.predict(items, 4096, verbose=0),
            asked.positives,
            asked.seen,
            (10, 100),
        )
        results[name] = {
            group: {metric: found.subset(of)[metric] for metric in METRICS}
            for group, of in groups.items()
        }
        print(name, results[name], flush=True)
    write("new_items", {"steps": options.steps, "seed": options.seed, **results})


if __name__ == "__main__":
    main()

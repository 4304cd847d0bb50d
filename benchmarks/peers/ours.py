"""Models of this library in the harness: any of `models.RETRIEVERS` or `baselines.BASELINES`."""

import resource
import tempfile
import time
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from benchmarks.peers.problem import KS, K, Problem
from tfrs_ext import baselines, callbacks, data, indexes, models, negatives, tuning
from tfrs_ext._keras import keras
from tfrs_ext.training import fit_resumable


def answer(problem: Problem, name: str, spec: dict[str, Any]) -> tuple[pd.DataFrame, dict]:
    """Returns the answers, and what they cost.

    Args:
        problem: What is asked.
        name: Of a retriever, which is trained as its class usually is, or of a baseline.
        spec: "seed", "max_epochs", "patience", and values of hyper-parameters under "values".
    """
    cost: dict[str, Any] = {}
    start = time.perf_counter()
    solve = _fit_baseline if name in baselines.BASELINES else _train
    users, found = solve(problem, name, spec, cost)
    cost["seconds"] = time.perf_counter() - start
    cost["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table = pd.DataFrame(
        {
            "user_id": np.repeat(users, K),
            "item_id": found.ravel(),
            "rank": np.tile(np.arange(1, K + 1), len(users)),
        }
    )
    return table[table["item_id"] >= 0], cost


def _train(
    problem: Problem, name: str, spec: dict[str, Any], cost: dict[str, Any]
) -> tuple[Any, Any]:
    split, known = problem.split, problem.known
    length = spec["length"] if models.RETRIEVERS[name].model.reads_sequences else 50
    features = data.fit_features(split.train, history_length=length)
    item = split.train.schema.item_id
    rows = np.unique(split.train.item_rows())
    columns = data.item_columns(split.train, features)
    catalogue = {column: values[rows] for column, values in columns.items()}
    hypermodel = tuning.RetrievalHyperModel(
        features.query,
        features.candidate,
        data.item_counts(split.train),
        negatives.Catalogue(catalogue, item),
        name,
    )
    keras.utils.set_random_seed(spec["seed"])
    hp = tuning.fixed({**hypermodel.usual_values, **spec.get("values", {})})
    model = hypermodel.build(hp)
    asked = data.next_item_queries(
        split.validation, features, history_from=split.train, max_queries=2_000
    )
    all_items = data.candidates_dataset(known, features, 4096)
    watcher = callbacks.RetrievalEvaluation(
        asked.queries, all_items, asked.positives, seen=asked.seen, ks=(KS[0],)
    )
    with tempfile.TemporaryDirectory() as folder:
        history = fit_resumable(
            model,
            _batches(split.train, features, model, tuning.space.batch_size(hp), spec),
            folder,
            monitor=f"val_ndcg_at_{KS[0]}",
            epochs=spec["max_epochs"],
            patience=spec["patience"],
            settings=spec,
            callbacks=[watcher],
            print_fn=lambda line: print(line, flush=True),
        )
    cost["epochs"] = len(history["epoch"])
    ids = known.items[item].to_numpy()
    candidates = model.candidate_model.predict(all_items, verbose=0)
    index = indexes.Exact(model.query_model, k=K)
    index.index(candidates, ids)
    return _ask(problem, features, index)


def _batches(
    train: data.Frames, features: data.FeatureSet, model: Any, size: int, spec: dict[str, Any]
) -> tf.data.Dataset:
    if not model.reads_sequences:
        return data.training_dataset(
            train, features, size, seed=spec["seed"], **model.training_options
        )
    return data.sequence_dataset(train, features, spec["batch_size"], seed=spec["seed"])


def _ask(problem: Problem, features: data.FeatureSet, index: Any) -> tuple[Any, Any]:
    known = problem.known
    states, seen = data.user_states(known, features), data.seen_items(known)
    users, rows = _rows_of_asked(problem)
    found = []
    for part in np.array_split(rows, -(-len(rows) // 512)):
        queries = {name: tf.constant(column[part]) for name, column in states.items()}
        exclusions = tf.ragged.constant([seen[row] for row in part], tf.int64)
        found.append(index.query_with_exclusions(queries, exclusions)[1].numpy())
    return users, np.concatenate(found)


def _fit_baseline(
    problem: Problem, name: str, spec: dict[str, Any], cost: dict[str, Any]
) -> tuple[Any, Any]:
    known, items = problem.known, len(problem.known.items)
    model = baselines.make_baseline(name, items, **spec.get("values", {}))
    model.fit(data.item_histories(problem.split.train))
    users, rows = _rows_of_asked(problem)
    histories = tf.gather(data.item_histories(known), rows)
    ids = np.append(known.items[known.schema.item_id].to_numpy(), -1)
    return users, ids[model.recommend(histories, K)[1]]  # Position -1 is the last id, -1.


def _rows_of_asked(problem: Problem) -> tuple[Any, Any]:
    """Returns the ids of the users who are asked, and their rows in the user table."""
    users = problem.questions().index.to_numpy()
    table = pd.Index(problem.known.users[problem.known.schema.user_id])
    return users, table.get_indexer(users)

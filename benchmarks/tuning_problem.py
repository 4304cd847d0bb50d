"""What the measurements of `tuning` search on: MovieLens-1M, cut so that a training takes a minute.

The split is by time. Models train on the latest rows of the training part; histories still see all
that came before. Test values are taken at the epoch that the validation part chose, beside the
search, which never sees them.
"""

import dataclasses
import functools
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext import callbacks, data, tuning
from tfrs_ext._keras import keras
from tfrs_ext.features import Text

HISTORY_LENGTH = 20
LABEL = "label_ge4"


@dataclasses.dataclass(frozen=True)
class Problem:
    """A hypermodel with its data.

    Attributes:
        hypermodel: With `build(hp)` and `fit(hp, model, train, …)`.
        train: From a batch size to the training batches.
        fit: Keyword arguments that put the objective into the logs.
        objective: On the validation part.
        test: From a model to its value on the test part.
        searched: Names of the hyper-parameters that searches vary.
    """

    hypermodel: Any
    train: Callable[[int], tf.data.Dataset]
    fit: dict[str, Any]
    objective: Any
    test: Callable[[Any], float]
    searched: tuple[str, ...]

    def space(self) -> Any:
        """Returns the hyper-parameters that searches vary; all others keep their defaults."""
        whole, chosen = tuning.HyperParameters(), tuning.HyperParameters()
        self.hypermodel.declare_hyperparameters(whole)
        self.hypermodel.build(whole)
        for parameter in whole.space:
            if parameter.name in self.searched:
                chosen.merge([parameter])
            elif not parameter.conditions:
                chosen.Fixed(parameter.name, parameter.default)
        return chosen


class Tested(tuning.HyperModel):
    """A problem's hypermodel that notes what each training reaches on the test part.

    Args:
        problem: The problem.
        log: A file that gets a line of JSON for each training.
        report_test: Whether `fit` answers with the test value: for comparisons, not for searches.
    """

    def __init__(self, problem: Problem, log: pathlib.Path, report_test: bool = False) -> None:
        super().__init__()
        self.problem, self.log, self.report_test = problem, log, report_test

    def declare_hyperparameters(self, hp: Any) -> None:
        """As the problem's hypermodel."""
        self.problem.hypermodel.declare_hyperparameters(hp)

    def build(self, hp: Any) -> Any:
        """As the problem's hypermodel."""
        return self.problem.hypermodel.build(hp)

    def fit(self, hp: Any, model: Any, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        """Trains, and notes the values at the best epoch of the validation part."""
        start, best = time.perf_counter(), _Best(self.problem.objective.name)
        callbacks = [*callbacks, best]
        history = self.problem.hypermodel.fit(hp, model, *args, callbacks=callbacks, **kwargs)
        seconds = time.perf_counter() - start
        model.set_weights(best.weights)
        run = {
            "values": {k: v for k, v in hp.values.items() if not k.startswith("tuner/")},
            "validation": best.value,
            "test": self.problem.test(model),
            "epochs": len(history.epoch),
            "seconds": seconds,
        }
        with self.log.open("a") as file:
            file.write(json.dumps(run) + "\n")
        return {"test": run["test"]} if self.report_test else history


class _Best(keras.callbacks.Callback):
    """Keeps the weights with the best value."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.value, self.weights = name, -np.inf, None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = float((logs or {})[self.name])
        if value > self.value:
            self.value, self.weights = value, self.model.get_weights()


def use_one_thread() -> None:
    """Leaves the other cores to others; call it before TensorFlow computes anything."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def parts_of(path: str, rows: int) -> tuple[data.Frames, data.Split, data.Frames]:
    """Returns all of MovieLens-1M, its parts, and the latest `rows` of the training part."""
    frames = data.load_movielens("1m", path)
    split = data.global_time_split(frames)
    latest = np.argsort(split.train.times(), kind="stable")[-rows:]
    return frames, split, split.train.select(np.sort(latest))


def retrieval(path: str, rows: int) -> Problem:
    """Returns the two-tower retriever's problem: NDCG@10 of the next film.

    Args:
        path: Folder or archive of MovieLens-1M.
        rows: How many of the latest training rows to train on.
    """
    frames, split, train = parts_of(path, rows)
    features = data.fit_features(train, HISTORY_LENGTH)
    counts = train.interactions[frames.schema.item_id].value_counts()
    hypermodel = tuning.RetrievalHyperModel(
        features.query, features.candidate, (counts.index.tolist(), counts.tolist())
    )

    def evaluation(part: data.Frames, known: data.Frames, number: int) -> Any:
        asked = data.next_item_queries(part, features, history_from=known, max_queries=number)
        catalogue = data.candidates_dataset(frames, features, 4096)
        return callbacks.RetrievalEvaluation(
            asked.queries, catalogue, asked.positives, seen=asked.seen, ks=[10]
        )

    known = data.join(split.train, split.validation)
    on_test = evaluation(split.test, known, 5_000)

    def test(model: Any) -> float:
        on_test.set_model(model)
        return on_test.evaluate()["ndcg_at_10"]

    history = split.train.select(np.flatnonzero(split.train.times() < train.times().min()))
    return Problem(
        hypermodel,
        functools.partial(data.training_dataset, train, features, history=history, seed=1),
        {"callbacks": [evaluation(split.validation, split.train, 3_000)]},
        hypermodel.objective,
        test,
        (
            *("embedding_dim", "num_layers", "hidden_units", "dropout", "temperature"),
            *("correction", "optimizer", "adagrad_learning_rate", "learning_rate", "batch_size"),
        ),
    )


def ranking(path: str, rows: int) -> Problem:
    """Returns the problem of rankers: AUC of ratings of 4 and 5 against the rest.

    Args:
        path: Folder or archive of MovieLens-1M.
        rows: How many of the latest training rows to train on.
    """
    _, split, train = parts_of(path, rows)
    found = data.fit_features(train, HISTORY_LENGTH)
    kept = [feature for feature in found.candidate if not isinstance(feature, Text)]
    features = data.FeatureSet(found.query, tuple(kept))
    hypermodel = tuning.RankingHyperModel(
        (*features.query, *features.candidate),
        item_id=train.schema.item_id,
        user_id=train.schema.user_id,
        model=("dcn_v2", "dcn_mix", "dcn", "dnn", "wide_deep", "din"),
    )

    def labelled(part: data.Frames, history: data.Frames, size: int, **kwargs: Any) -> Any:
        part = dataclasses.replace(part, schema=dataclasses.replace(part.schema, label=LABEL))
        columns = data.training_dataset(part, features, size, history=history, **kwargs)
        return columns.map(lambda batch: (batch, batch[LABEL]))

    def first(part: data.Frames, number: int) -> data.Frames:
        return part.select(np.sort(np.argsort(part.times(), kind="stable")[:number]))

    older = split.train.select(np.flatnonzero(split.train.times() < train.times().min()))
    known = data.join(split.train, split.validation)
    validation = labelled(first(split.validation, 20_000), split.train, 2048, shuffle=False)
    held_out = labelled(first(split.test, 30_000), known, 2048, shuffle=False).cache()
    return Problem(
        hypermodel,
        lambda size: labelled(train, older, size, seed=1),
        {"validation_data": validation.cache()},
        hypermodel.objective,
        lambda model: float(model.evaluate(held_out, verbose=0, return_dict=True)["auc"]),
        (
            *("model", "embedding_dim", "num_layers", "hidden_units", "dropout", "activation"),
            *("cross_layers", "structure", "low_rank", "projection_dim", "num_experts"),
            *(
                "attention_units",
                "interaction",
                "use_softmax",
                "optimizer",
                "adagrad_learning_rate",
            ),
            *("learning_rate", "weight_decay", "batch_size"),
        ),
    )


PROBLEMS = {"retrieval": retrieval, "ranking": ranking}

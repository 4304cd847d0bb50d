"""`confirm`: the final choice over several seeds, so that luck isn't what was tuned."""

import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.files import read_json, write_json
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.confirmation import Confirmation, compare
from tfrs_ext.tuning.fixed_values import fixed
from tfrs_ext.tuning.repairs import copy_callbacks
from tfrs_ext.tuning.trials.fingerprint import describe_search, list_changes
from tfrs_ext.tuning.trials.loop import SearchError
from tfrs_ext.typing import Config, PathLike, PrintFn


def confirm(
    hypermodel: keras_tuner.HyperModel,
    settings: Sequence[Mapping[str, Any]],
    *fit_args: Any,
    objective: keras_tuner.Objective,
    seeds: Sequence[int] = (1, 2, 3),
    confidence: float = 0.95,
    path: PathLike | None = None,
    data_version: str | None = None,
    print_fn: PrintFn = print,
    **fit_kwargs: Any,
) -> Confirmation:
    """Trains the best few settings of a search with several seeds, and compares their means.

    The best of many trials is partly the luckiest. Every setting trains with the same seeds,
    none of which the search should have used, so differences are taken seed by seed:
    `mean(d) ± t · std(d) / sqrt(n)`, Student's t with n - 1 degrees of freedom.

    Args:
        hypermodel: The hypermodel of the search, with `build(hp)` and `fit(hp, model, …)`.
        settings: Hyper-parameters by name, one mapping per setting, such as
            `[trial["values"] for trial in result.trials[:3]]` and the defaults, `{}`.
        *fit_args: What the hypermodel's `fit` is given, such as the training data.
        objective: A `tuning.Objective`, taken at the best epoch, as in the search.
        seeds: At least two different seeds.
        confidence: The share of cases in which an interval, taken for itself, holds the true
            value.
        path: A JSON file that keeps the scores: what it holds isn't trained again. It takes the
            scores of one search space, objective, number of epochs and data alone. None keeps
            nothing.
        data_version: What names the data, such as a file with its date, as in `search`.
        print_fn: Takes lines about progress, as `print` does.
        **fit_kwargs: What the hypermodel's `fit` is given by name, such as `callbacks`, which are
            copied for each training.

    Returns:
        The comparison.

    Raises:
        ValueError: There are fewer than two seeds, or no settings, or the file at `path` holds
            scores of another comparison.
        SearchError: A score isn't finite.
    """
    if len(set(seeds)) < 2 or len(set(seeds)) != len(seeds):
        raise ValueError(f"`seeds` must be at least two different ones, received {tuple(seeds)}.")
    if not settings:
        raise ValueError("`settings` must hold at least one setting, received none.")
    begun = {"number of epochs": fit_kwargs.get("epochs")}
    if path is not None:
        begun |= describe_search(hypermodel, objective, fit_args, data_version)
    memory = _Memory(path, begun)
    scores: list[list[float]] = [[] for _ in settings]
    for seed in seeds:
        for number, values in enumerate(settings):
            score = memory.find(values, seed)
            if score is None:
                score = _train(hypermodel, values, seed, objective, fit_args, fit_kwargs)
                memory.keep(values, seed, score)
            scores[number].append(score)
            name = f"setting {number + 1} of {len(settings)}, seed {seed}"
            print_fn(f"{name}: {objective.name} {score:.4f}")
    return compare(settings, scores, objective, tuple(seeds), confidence)


class _Memory:
    """Scores by setting and seed, in a file that says what they are scores of."""

    def __init__(self, path: PathLike | None, begun: Config) -> None:
        self.path = None if path is None else pathlib.Path(path)
        kept = (self.path and read_json(self.path)) or {"begun": begun, "runs": []}
        found = list_changes(kept["begun"], begun)
        if found:
            raise ValueError(
                f"`path` must be a file of the same comparison, received {path}, which holds "
                f"scores of another one: {'; '.join(found)}. Name another file, or delete this one."
            )
        self.begun, self.runs = begun, list(kept["runs"])

    def find(self, values: Mapping[str, Any], seed: int) -> float | None:
        wanted = json.loads(json.dumps(dict(values)))
        same = (r["score"] for r in self.runs if r["values"] == wanted and r["seed"] == seed)
        return next(same, None)

    def keep(self, values: Mapping[str, Any], seed: int, score: float) -> None:
        self.runs.append({"values": dict(values), "seed": seed, "score": score})
        if self.path is not None:
            write_json(self.path, {"begun": self.begun, "runs": self.runs})


def _train(
    hypermodel: keras_tuner.HyperModel,
    values: Mapping[str, Any],
    seed: int,
    objective: keras_tuner.Objective,
    fit_args: tuple[Any, ...],
    fit_kwargs: dict[str, Any],
) -> float:
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    hp = fixed(values)
    model = hypermodel.build(hp)
    kwargs = {"verbose": 0, **fit_kwargs}
    kwargs["callbacks"] = copy_callbacks(kwargs.get("callbacks") or [])
    results = hypermodel.fit(hp, model, *fit_args, **kwargs)
    utils = keras_tuner.src.engine.tuner_utils
    utils.validate_trial_results(results, objective, "HyperModel.fit()")
    score = float(objective.get_value(utils.convert_to_metrics_dict(results, objective)))
    if not math.isfinite(score):
        raise SearchError(f"`{objective.name}` must be finite, received {score} with {values}")
    return score

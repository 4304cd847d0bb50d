"""`confirm`: the final choice over several seeds, so that luck isn't what was tuned."""

import json
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.tuning._bridge import keras_tuner
from tfrs_ext.tuning._loop import SearchError
from tfrs_ext.tuning._mend import copy_callbacks, save_json
from tfrs_ext.tuning.confirmation import Confirmation, compare
from tfrs_ext.tuning.fixed import fixed


def confirm(
    hypermodel: Any,
    candidates: Sequence[Mapping[str, Any]],
    *fit_args: Any,
    objective: Any,
    seeds: Sequence[int] = (1, 2, 3),
    confidence: float = 0.95,
    path: str | pathlib.Path | None = None,
    tell: Callable[[str], Any] = print,
    **fit_kwargs: Any,
) -> Confirmation:
    """Trains the best few candidates of a search with several seeds, and compares their means.

    The best of many trials is partly the luckiest. Every candidate trains with the same seeds,
    none of which the search should have used, so differences are taken seed by seed:
    `mean(d) ± t · std(d) / sqrt(n)`, Student's t with n - 1 degrees of freedom.

    Args:
        hypermodel: With `build(hp)` and `fit(hp, model, …)`.
        candidates: Hyper-parameters by name, such as `[row["values"] for row in
            result.trials[:3]]` and the defaults, `{}`.
        *fit_args: For the hypermodel's `fit`.
        objective: A `tuning.Objective`, taken at the best epoch, as in the search.
        seeds: At least two.
        confidence: Of the intervals, each for itself.
        path: A JSON file that keeps the scores: what it holds isn't trained again. None keeps
            nothing.
        tell: Takes lines about progress.
        **fit_kwargs: For the hypermodel's `fit`, such as `callbacks`, copied for each training.

    Returns:
        The comparison.

    Raises:
        ValueError: Fewer than two seeds, or no candidates.
        SearchError: A score isn't finite.
    """
    if len(set(seeds)) < 2 or len(set(seeds)) != len(seeds):
        raise ValueError(f"`seeds` must be at least two different ones, received {tuple(seeds)}")
    if not candidates:
        raise ValueError("`candidates` must hold at least one candidate, received none")
    memory = _Memory(path)
    scores: list[list[float]] = [[] for _ in candidates]
    for seed in seeds:
        for number, values in enumerate(candidates):
            score = memory.find(values, seed)
            if score is None:
                score = _train(hypermodel, values, seed, objective, fit_args, fit_kwargs)
                memory.keep(values, seed, score)
            scores[number].append(score)
            name = f"candidate {number + 1} of {len(candidates)}, seed {seed}"
            tell(f"{name}: {objective.name} {score:.4f}")
    return compare(candidates, scores, objective, tuple(seeds), confidence)


class _Memory:
    """Scores by candidate and seed, in a file."""

    def __init__(self, path: str | pathlib.Path | None) -> None:
        self.path = None if path is None else pathlib.Path(path)
        self.runs: list[dict[str, Any]] = []
        if self.path is not None and self.path.exists():
            self.runs = json.loads(self.path.read_text())

    def find(self, values: Mapping[str, Any], seed: int) -> float | None:
        wanted = json.loads(json.dumps(dict(values)))
        same = (r["score"] for r in self.runs if r["values"] == wanted and r["seed"] == seed)
        return next(same, None)

    def keep(self, values: Mapping[str, Any], seed: int, score: float) -> None:
        self.runs.append({"values": dict(values), "seed": seed, "score": score})
        if self.path is not None:
            save_json(str(self.path), self.runs)


def _train(
    hypermodel: Any,
    values: Mapping[str, Any],
    seed: int,
    objective: Any,
    fit_args: tuple[Any, ...],
    fit_kwargs: dict[str, Any],
) -> float:
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    hp = fixed(values)
    model = hypermodel.build(hp)
    kwargs = {"verbose": 0, **fit_kwargs}
    kwargs["callbacks"] = copy_callbacks(kwargs.get("callbacks", []))
    results = hypermodel.fit(hp, model, *fit_args, **kwargs)
    utils = keras_tuner.src.engine.tuner_utils
    utils.validate_trial_results(results, objective, "HyperModel.fit()")
    score = float(objective.get_value(utils.convert_to_metrics_dict(results, objective)))
    if not math.isfinite(score):
        raise SearchError(f"`{objective.name}` must be finite, received {score} with {values}")
    return score

"""A search around the best so far, from the defaults on."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfrs_ext._keras import keras
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.typing import HyperParameters

_MOST_CHANGED = 3
_STEP = 0.2  # Of a parameter's range, one standard deviation.
_TRIES = 100


class _Oracle(keras_tuner.oracles.RandomSearchOracle):
    """Changes a few values of the best trial; what it needs to know lies in the trials."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._random_state = np.random.RandomState(self.seed)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the values of the next trial."""
        best = self.get_best_trials(1)
        if not best:
            return super().populate_space(trial_id)
        centre = best[0].hyperparameters.values
        for _ in range(_TRIES):
            values = self._change(centre)
            if not self._duplicate(values):
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED", "values": None}

    def _change(self, centre: dict[str, Any]) -> dict[str, Any]:
        space, hp = self.get_space().space, keras_tuner.HyperParameters()
        free = sorted({p.name for p in space if p.name in centre and _varies(p)})
        number = min(len(free), self._random_state.randint(1, _MOST_CHANGED + 1))
        changed = set(self._random_state.choice(free, number, replace=False)) if free else set()
        for parameter in space:
            hp.merge([parameter])
            if hp.is_active(parameter):
                # What a change makes active starts at its default.
                value = centre.get(parameter.name, parameter.default)
                if parameter.name in changed:
                    value = self._move(parameter, value)
                hp.values[parameter.name] = value
        return hp.values

    def _move(
        self, parameter: "keras_tuner.engine.hyperparameters.HyperParameter", value: Any
    ) -> Any:
        is_ordered = getattr(parameter, "ordered", not isinstance(value, (bool, str)))
        place = parameter.value_to_prob(value)
        while True:
            if is_ordered:
                other = place + _STEP * self._random_state.randn()
            else:
                other = self._random_state.uniform()
            moved = parameter.prob_to_value(float(np.clip(other, 0.0, 1.0 - 1e-9)))
            if moved != value:
                return moved


def _varies(parameter: "keras_tuner.engine.hyperparameters.HyperParameter") -> bool:
    return parameter.prob_to_value(0.0) != parameter.prob_to_value(1.0 - 1e-9)


class LocalSearch(keras_tuner.Tuner):
    """Tries small changes of the best trial so far, beginning with the defaults.

    Each trial takes the values of the best completed one and changes one to three of them: numbers
    by a normal step of a fifth of their range, on the scale that they are sampled on, other choices
    to any other value. Where good defaults are known, and trainings are few, that wastes fewer of
    them than `RandomSearch`, which draws every value anew; it may miss what lies far away.

    Args:
        hypermodel: A hypermodel, or a function from `hp` to a compiled model.
        objective: A `tuning.Objective`.
        max_trials: The number of trials.
        seed: The seed of the changes; None draws one.
        hyperparameters: The part of the space that is known before the first trial; None for
            none.
        tune_new_entries: Whether hyper-parameters that `hyperparameters` lacks are varied.
        allow_new_entries: Whether the hypermodel may ask for such hyper-parameters.
        **kwargs: What every keras-tuner tuner takes: `directory`, `project_name`, `overwrite`, …

    Relations:
        `tuning.search` runs it and tries the defaults first. `RandomSearch` and
        `BayesianOptimization` cover the whole space; `Hyperband` begins many trials and ends most.

    Example:
        tuner = tuning.LocalSearch(hypermodel, hypermodel.objective, max_trials=20, seed=1)
        result = tuning.search(tuner, train, validation_data=validation)

    References:
        Q. Wu, C. Wang, S. Huang, 2021. Frugal Optimization for Cost-related Hyperparameters.
        arXiv:2005.01571 (random directions around the incumbent, from a cheap start).
    """

    def __init__(
        self,
        hypermodel: keras_tuner.HyperModel | Callable[[HyperParameters], keras.Model] | None = None,
        objective: keras_tuner.Objective | None = None,
        max_trials: int = 10,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        **kwargs: Any,
    ) -> None:
        self.seed = seed
        oracle = _Oracle(
            objective=objective,
            max_trials=max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
        )
        super().__init__(oracle, hypermodel, **kwargs)

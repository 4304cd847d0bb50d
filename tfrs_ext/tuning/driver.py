"""`search`: a keras-tuner search under a budget, which tells where it is and survives a kill."""

import contextlib
import math
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.result import SearchResult, find_first_error, list_trials
from tfrs_ext.tuning.trials.fingerprint import check_fingerprint
from tfrs_ext.tuning.trials.interrupt import Interrupt
from tfrs_ext.tuning.trials.limits import SearchLimits, planned_trials
from tfrs_ext.tuning.trials.loop import SearchError, TrialLoop
from tfrs_ext.tuning.trials.progress import SearchProgress
from tfrs_ext.tuning.trials.records import TrialRecords
from tfrs_ext.tuning.trials.recovery import recover
from tfrs_ext.typing import PrintFn


def search(
    tuner: keras_tuner.Tuner,
    *fit_args: Any,
    trials: int | None = None,
    budget_seconds: float | None = None,
    stop_hopeless: bool = True,
    seed: int = 0,
    data_version: str | None = None,
    print_fn: PrintFn = print,
    **fit_kwargs: Any,
) -> SearchResult:
    """Runs a keras-tuner search to its end, or goes on with one that was interrupted.

    Beside `tuner.search(…)`, which works too, this one keeps a budget, says what is left, resumes
    after a kill at any moment with every trial counted exactly once (make the tuner with the same
    `directory`, `project_name` and `seed`, and `overwrite=False`), tries the defaults first, gives
    every trial the same seed, ends hopeless trials early, and fails where nothing completed.

    Args:
        tuner: A tuner of `tfrs_ext.tuning`, on a local or shared file system. Where keras-tuner's
            variables for parallel search are set, each process calls `search` alike.
        *fit_args: What the hypermodel's `fit` is given, such as the training data.
        trials: Begin no trial after this many, counted over all runs; None leaves it to the tuner.
        budget_seconds: Begin no trial that would not end within this time, summed over the trials
            of all runs and processes. A trial that is over it stops after its epoch, and counts.
        stop_hopeless: Stop trials that lie behind the median of the earlier ones. Hyperband does
            so by itself and is left alone.
        seed: What `keras.utils.set_random_seed` is given before each trial.
        data_version: What names the data, such as a file with its date. A search that goes on in a
            folder must have the version that it was begun with; None names nothing.
        print_fn: Takes lines about progress, as `print` does.
        **fit_kwargs: What the hypermodel's `fit` is given by name, such as `validation_data` and
            `callbacks`. A callback that puts the objective into the logs comes before those that
            read it.

    Returns:
        The best hyper-parameters and an entry for every trial.

    Raises:
        ValueError: The tuner's folder holds a search over another space, objective or data, or
            `trials` isn't positive.
        SearchError: No trial completed with a finite objective, or too many failed in a row.

    Example:
        tuner = tuning.Hyperband(hypermodel, tuning.Objective("val_ndcg_at_10", "max"),
                                 max_epochs=9, directory="runs", project_name="retrieval", seed=1)
        result = tuning.search(tuner, train, validation_data=validation, budget_seconds=1800)
        print(result.best)
    """
    if trials is not None and trials < 1:
        raise ValueError(f"`trials` must be a positive integer or None, received trials={trials}.")
    records, limits = TrialRecords(tuner.project_dir), SearchLimits(trials, budget_seconds)
    objective = tuner.oracle.objective
    with warnings.catch_warnings():
        # keras-tuner 1.4 calls threading.currentThread() at every request.
        warnings.filterwarnings("ignore", "currentThread|getName", DeprecationWarning)
        # Nobody can act on how well BayesianOptimization's Gaussian process was fitted.
        warnings.filterwarnings("ignore", module="sklearn.gaussian_process")
        oracle = getattr(tuner.oracle, "_oracle", tuner.oracle)  # A worker's is behind a client.
        if not tuner._is_worker():
            check_fingerprint(tuner, fit_args, data_version)
            recover(tuner)
            oracle.verbose = 0  # `print_fn` says it.
        with _limit_trials(oracle, limits, records) as gave_up:
            if _is_chief():
                tuner.search()
            else:
                progress = SearchProgress(
                    print_fn, records, objective, limits, planned_trials(oracle)
                )
                halves = hasattr(oracle, "hyperband_iterations")
                stops = stop_hopeless and not halves
                interrupt = Interrupt()
                loop = TrialLoop(tuner, records, limits, progress, stops, seed, interrupt.check)
                with interrupt.watch():
                    loop.run(*fit_args, **{"verbose": 0, **fit_kwargs})
            if gave_up():
                number = oracle.max_consecutive_failed_trials
                raise SearchError(f"{number} trials failed in a row\n{find_first_error(records)}")
    return _collect(records, objective)


def _is_chief() -> bool:
    # As keras-tuner decides it.
    variables = os.environ
    return "KERASTUNER_ORACLE_IP" in variables and "chief" in variables["KERASTUNER_TUNER_ID"]


@contextlib.contextmanager
def _limit_trials(
    oracle: keras_tuner.Oracle, limits: SearchLimits, records: TrialRecords
) -> Iterator[Callable[[], bool]]:
    populate, began = oracle.populate_space, len(oracle.end_order)

    def gave_up() -> bool:
        number = oracle.max_consecutive_failed_trials
        last = [oracle.trials[trial_id].status for trial_id in oracle.end_order[began:]][-number:]
        return last == ["FAILED"] * number

    def populate_within_limits(trial_id: str) -> Any:
        if gave_up() or limits.are_reached(records, len(oracle.trials)):
            return {"status": "STOPPED", "values": None}
        if hasattr(oracle, "_random_state"):
            # keras-tuner doesn't save it: a resumed search would suggest other values.
            oracle._random_state = np.random.RandomState(oracle.seed + len(oracle.trials))
        response = populate(trial_id)
        return response if oracle.trials else _take_defaults(oracle, response)

    oracle.populate_space = populate_within_limits
    # keras-tuner's raises before it saves the trial, and leaves a chief waiting for ever.
    oracle._check_consecutive_failures = lambda: None
    try:
        yield gave_up
    finally:
        del oracle.populate_space, oracle._check_consecutive_failures


def _take_defaults(oracle: keras_tuner.Oracle, response: dict[str, Any]) -> dict[str, Any]:
    hp = oracle.get_space()
    hp.values = {k: v for k, v in response["values"].items() if k.startswith("tuner/")}
    for parameter in hp.space:
        if hp.is_active(parameter):
            hp.values[parameter.name] = parameter.default
    return {**response, "values": hp.values}


def _collect(records: TrialRecords, objective: keras_tuner.Objective) -> SearchResult:
    trials = list_trials(records, objective.direction == "max")
    if trials and trials[0]["score"] is not None:
        best = trials[0]
    elif any(trial["status"] == "RUNNING" for trial in trials):
        best = {"score": math.nan, "values": {}, "best_epoch": None}  # Other workers go on.
    else:
        raise SearchError(
            f"no trial completed with a finite `{objective.name}`; once that is mended, make the "
            f"tuner with overwrite=True\n{find_first_error(records) or ''}"
        )
    return SearchResult(
        objective.name,
        objective.direction,
        best["score"],
        best["values"],
        best["best_epoch"],
        trials,
    )

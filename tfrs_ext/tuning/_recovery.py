"""Brings a killed search back to the state in which every trial counts exactly once.

keras-tuner saves a trial and its oracle one after the other, so a kill can fall between the two.
The trial's file is the truth about the trial; the oracle's file is the truth about the order.
"""

import functools
import importlib
from typing import Any

import tensorflow as tf

_ENDED = ("COMPLETED", "FAILED")


def recover(tuner: Any) -> None:
    """Makes the oracle of a tuner that isn't a worker agree with the files of its trials.

    Args:
        tuner: A keras-tuner tuner, made with `overwrite=False` where a search should go on.
    """
    oracle = tuner.oracle
    if not oracle.trials and tf.io.gfile.exists(oracle._get_oracle_fname()):
        oracle.reload()  # The kill fell into the first trial: the tuner had no file yet.
    _forget_trials_that_never_began(oracle)
    oracle.trials = {trial_id: oracle.trials[trial_id] for trial_id in oracle.start_order}
    _end_what_has_ended(oracle)
    _queue_what_has_not(oracle)
    if isinstance(oracle, _grid_oracle()):
        _rebuild_grid(oracle)


def _forget_trials_that_never_began(oracle: Any) -> None:
    # Saved by itself, before the oracle: from the same state, the oracle will draw it again.
    for trial_id in set(oracle.trials) - set(oracle.start_order):
        del oracle.trials[trial_id]
        tf.io.gfile.rmtree(oracle._get_trial_dir(trial_id))


def _end_what_has_ended(oracle: Any) -> None:
    for trial_id, trial in oracle.trials.items():
        if trial.status in _ENDED and trial_id not in oracle.end_order:
            oracle.end_order.append(trial_id)
            oracle._run_times[trial_id] += 1
            oracle._record_values(trial)
            oracle.update_space(trial.hyperparameters)


def _queue_what_has_not(oracle: Any) -> None:
    running = {trial.trial_id for trial in oracle.ongoing_trials.values()}
    waiting = [
        trial
        for trial_id, trial in oracle.trials.items()
        if trial.status not in _ENDED and trial_id not in running
    ]
    for trial in waiting:
        forget_results(trial)
    # The oracle takes from the end.
    oracle._retry_queue = [trial.trial_id for trial in reversed(waiting)]


def forget_results(trial: Any) -> None:
    """Drops what an interrupted or failed run reported, or the next run would be ignored."""
    tracking = importlib.import_module("keras_tuner.src.engine.metrics_tracking")
    trial.metrics = tracking.MetricsTracker()
    trial.score = None


def _grid_oracle() -> Any:
    return importlib.import_module("keras_tuner.src.tuners.gridsearch").GridSearchOracle


def _rebuild_grid(oracle: Any) -> None:
    # keras-tuner doesn't save where in the grid it was; the trials tell.
    def compare(one: str, other: str) -> int:
        first, second = (oracle.trials[name].hyperparameters.values for name in (one, other))
        return oracle._compare(first, second)

    grid = importlib.import_module("keras_tuner.src.tuners.gridsearch")
    oracle._ordered_ids = grid.LinkedList()
    for trial_id in sorted(oracle.start_order, key=functools.cmp_to_key(compare)):
        oracle._ordered_ids.insert(trial_id)
    oracle._populate_next = list(oracle.start_order)

"""Brings a killed search back to the state in which every trial counts exactly once.

keras-tuner saves a trial and its oracle one after the other, so a kill can fall between the two.
The trial's file is the truth about the trial; the oracle's file is the truth about the order.
"""

import functools

import tensorflow as tf

from tfrs_ext.tuning.bridge import keras_tuner

_ENDED = ("COMPLETED", "FAILED")


def recover(tuner: keras_tuner.Tuner) -> None:
    """Makes the oracle of a tuner that isn't a worker agree with the files of its trials.

    Args:
        tuner: A keras-tuner tuner, made with `overwrite=False` where a search should go on.
    """
    oracle = tuner.oracle
    if not oracle.trials and tf.io.gfile.exists(oracle._get_oracle_fname()):
        # The kill fell into the first trial, or `tuner_id` was given: the tuner found no file.
        oracle.reload()
    _forget_trials_that_never_began(oracle)
    _end_what_has_ended(oracle)
    _queue_what_has_not(oracle)
    if isinstance(oracle, keras_tuner.oracles.GridSearchOracle):
        _rebuild_grid(oracle)


def _forget_trials_that_never_began(oracle: keras_tuner.Oracle) -> None:
    # Saved by itself, before the oracle: from the same state, the oracle will draw it again.
    for trial_id in set(oracle.trials) - set(oracle.start_order):
        tf.io.gfile.rmtree(oracle._get_trial_dir(trial_id))
    oracle.trials = {trial_id: oracle.trials[trial_id] for trial_id in oracle.start_order}


def _end_what_has_ended(oracle: keras_tuner.Oracle) -> None:
    for trial_id, trial in oracle.trials.items():
        if trial.status in _ENDED and trial_id not in oracle.end_order:
            oracle.end_order.append(trial_id)
            oracle._run_times[trial_id] += 1
            oracle._record_values(trial)
            oracle.update_space(trial.hyperparameters)


def _queue_what_has_not(oracle: keras_tuner.Oracle) -> None:
    waiting = [trial for trial in oracle.trials.values() if trial.status not in _ENDED]
    for trial in waiting:
        # keras-tuner would keep what the interrupted run reported, and ignore the next one's.
        trial.metrics = keras_tuner.src.engine.metrics_tracking.MetricsTracker()
    oracle.ongoing_trials = {}
    oracle._retry_queue = [trial.trial_id for trial in reversed(waiting)]  # Taken from the end.


def _rebuild_grid(oracle: keras_tuner.Oracle) -> None:
    # keras-tuner doesn't save where in the grid it was; the trials tell.
    def compare(one: str, other: str) -> int:
        first, second = (oracle.trials[name].hyperparameters.values for name in (one, other))
        return oracle._compare(first, second)

    oracle._ordered_ids = keras_tuner.src.tuners.gridsearch.LinkedList()
    for trial_id in sorted(oracle.start_order, key=functools.cmp_to_key(compare)):
        oracle._ordered_ids.insert(trial_id)
    oracle._populate_next = list(oracle.start_order)

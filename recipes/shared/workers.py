"""Several processes that train as one: `--workers`, and `TF_CONFIG` on several machines."""

import json
import os
import sys
from collections.abc import Callable

import tensorflow as tf

from tfrs_ext import training

from .console import say


def is_worker() -> bool:
    """Returns whether `TF_CONFIG` makes this process one of several workers."""
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    return sum(map(len, cluster.values())) > 1


def work(fit: Callable[[], object]) -> None:
    """Does this worker's share of a training.

    Args:
        fit: Trains; what it makes and fits is shared out.
    """
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # Before anything runs, as it asks for.
    with strategy.scope():
        fit()


def launch(count: int) -> None:
    """Runs this very command in so many processes, which train as one.

    Args:
        count: How many there are.
    """
    say(f"{count} processes train as one; each takes its share of every batch")
    command = [sys.executable, *sys.orig_argv[1:]]
    training.launch_workers(command, count, print_fn=say)


def share_batches(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Lets each worker take its rows of every batch, where there are several.

    Args:
        batches: The global batches, in the same order on each worker.
    """
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.DATA  # Rows are in memory, not in files.
    options.experimental_distribute.auto_shard_policy = policy
    return batches.with_options(options)

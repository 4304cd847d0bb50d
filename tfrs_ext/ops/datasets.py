"""Data sets that end when they end."""

import tensorflow as tf


def without_tuning(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the same batches, with no thread of tf.data's that tunes how they are made.

    Such a thread looks at the pipeline ever more rarely, and at last once a minute. Now and then it
    sleeps through the end of an epoch, which then waits for it. Whole batches have little to tune:
    without it, what runs in parallel has a thread for each core.

    Args:
        batches: Whole batches.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)

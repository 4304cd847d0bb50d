"""A candidate tower of ids, and batches of positives, that the tests of sources share."""

import numpy as np
import tensorflow as tf

from tfrs_ext.candidates import Candidates

ITEMS = 50


def table(width=4, items=ITEMS):
    return tf.Variable(np.random.default_rng(3).normal(size=(items, width)).astype("float32"))


def tower_of(variable):
    return lambda ids: tf.gather(variable, tf.cast(ids, tf.int64))


def positives(ids, variable=None, log_q=None, dtype=tf.int64):
    ids = tf.constant(ids, dtype)
    variable = table() if variable is None else variable
    log_q = tf.fill(tf.shape(ids), -1.0) if log_q is None else tf.constant(log_q, tf.float32)
    return Candidates(tower_of(variable)(ids), ids, log_q)

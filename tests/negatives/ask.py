"""Asks a source as the task does."""

import tensorflow as tf

from tfrs_ext import negatives
from tfrs_ext.candidates import Candidates


def draw(source, positives, query_embeddings=None, **context):
    """The pool for a batch of positives; queries are zeros where they don't matter."""
    positives = Candidates(*positives)
    if query_embeddings is None:
        query_embeddings = tf.zeros_like(positives.embeddings)
    return source.draw(negatives.Batch(query_embeddings, positives, **context))


def ask(source, positives, query_embeddings=None, **context):
    """The negatives alone."""
    return draw(source, positives, query_embeddings, **context).negatives

"""The inputs that signatures of several bundles share."""

import numpy as np
import tensorflow as tf

from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.signatures import EXAMPLES, Input


def user_ids(users: KnownUsers) -> Input:
    """Returns the input with the ids of users, `[B]`."""
    spec = tf.TensorSpec([None], users.ids.dtype, name=users.key)
    return Input(spec, users.ids[:EXAMPLES].numpy())


def item_ids(items: KnownItems) -> Input:
    """Returns the input with the ids of items, `[B]`."""
    return Input(tf.TensorSpec([None], items.dtype, name=items.key), items.examples(EXAMPLES))


def items_to_rank(items: KnownItems) -> Input:
    """Returns the input with the ids of items to be ranked for each user, `[B, M]`."""
    spec = tf.TensorSpec([None, None], items.dtype, name=items.key)
    return Input(spec, np.tile(items.examples(50), (EXAMPLES, 1)))


def exclusions(items: KnownItems) -> Input:
    """Returns the input with the ids of items that a request leaves out, `[B, E]`."""
    spec = tf.TensorSpec([None, None], items.dtype, name="exclusions")
    return Input(spec, np.tile(items.examples(1), (EXAMPLES, 1)))


def allowed_items(items: KnownItems) -> Input:
    """Returns the input with the ids of items that answers may hold, `[B, E]`."""
    spec = tf.TensorSpec([None, None], items.dtype, name="candidates")
    padding = b"" if items.dtype == tf.string else -1
    return Input(spec, np.full((EXAMPLES, 1), padding, items.dtype.as_numpy_dtype))


def result_count(k: int) -> Input:
    """Returns the input with the number of results, an int32 scalar."""
    return Input(tf.TensorSpec([], tf.int32, name="k"), np.asarray(k, np.int32))


def tag_filters() -> list[Input]:
    """Returns the inputs with tags to allow and to deny, `[B, A]` each."""
    nothing = np.full((EXAMPLES, 1), b"", object)
    return [
        Input(tf.TensorSpec([None, None], tf.string, name=name), nothing)
        for name in ("allow", "deny")
    ]

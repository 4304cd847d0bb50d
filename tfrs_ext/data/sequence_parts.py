"""Where users' histories are cut into sequences."""

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfrs_ext.data.columns import on_host
from tfrs_ext.data.frames import Frames


class Parts(NamedTuple):
    """Some sequences of events, each within one user's.

    Attributes:
        users: `[N]` int64 row numbers in the user table.
        begins: `[N]` int64, the place of the first event among all events.
        lengths: `[N]` int64, how many events it holds; one more follows it.
    """

    users: tf.Tensor
    begins: tf.Tensor
    lengths: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Events:
    """All users' events, user by user, each in order of time.

    Attributes:
        rows: `[N]` int64, the interactions' row numbers in that order.
        users: `[U]` int64 row numbers of the users who have two events or more.
        begins: `[U]` int64, the place of each one's first event.
        lengths: `[U]` int64, how many events each one has that another follows: at least 1.
    """

    rows: tf.Tensor
    users: tf.Tensor
    begins: tf.Tensor
    lengths: tf.Tensor

    @classmethod
    def of(cls, frames: Frames) -> "Events":
        """Sorts the interactions; of equal times, the earlier row comes first.

        Raises:
            ValueError: Nobody has two events.
        """
        users = frames.user_rows()
        order = np.lexsort((frames.times(), users))
        counts = np.bincount(users, minlength=len(frames.users))
        begins = np.cumsum(counts) - counts
        kept = np.flatnonzero(counts >= 2)
        if not len(kept):
            raise ValueError(
                "`frames` must hold a user with two events or more: the second is asked for with "
                f"the first. Received {len(users):,} events of {np.count_nonzero(counts):,} users."
            )
        return cls(*map(on_host, (order, kept, begins[kept], counts[kept] - 1)))

    def latest(self, length: int) -> Parts:
        """Returns each user's last events, at most `length` of them."""
        kept = tf.minimum(self.lengths, length)
        return Parts(self.users, self.begins + self.lengths - kept, kept)

    def count(self, length: int) -> int:
        """Returns how many parts `all` gives."""
        return int(tf.reduce_sum(-(-self.lengths // length)))

    def all(self, length: int, seed: tf.Tensor | None) -> Parts:
        """Returns each user's events in as few parts as hold them, at most `length` in each.

        All parts are full but the first and the last: their sum alone is given.

        Args:
            length: The most events in a part.
            seed: `[2]` integers that say at random where the first part ends; None makes the last
                part full.
        """
        counts = -(-self.lengths // length)
        first = shortest = self.lengths - (counts - 1) * length
        if seed is not None:
            # The last part must get at least one event, where it isn't the first.
            longest = tf.where(counts > 1, tf.minimum(shortest + length - 1, length), shortest)
            drawn = tf.random.stateless_uniform(tf.shape(counts), seed, dtype=tf.float64)
            choices = tf.cast(longest - shortest + 1, tf.float64)
            first = shortest + tf.cast(drawn * choices, tf.int64)
        owner = tf.repeat(tf.range(tf.size(counts)), counts)
        number = tf.ragged.range(counts).values
        of_user = [tf.gather(x, owner) for x in (self.users, self.begins, self.lengths, first)]
        users, begins, lengths, first = of_user
        start = tf.where(number == 0, tf.zeros_like(number), first + (number - 1) * length)
        end = tf.minimum(first + number * length, lengths)
        return Parts(users, begins + start, end - start)

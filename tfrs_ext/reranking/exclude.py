"""The rule that leaves out what a request names."""

import tensorflow as tf

from tfrs_ext.ops.positions import is_in
from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.reranking.rule import Asked, RequestInput, Rule


class Exclude(Rule):
    """Leaves out the items that a request names.

    Generators don't look for them either, so that lists stay full.

    Args:
        argument: The name under which requests carry the item ids.

    Relations:
        What a user has seen is left out by `serving.Users(seen=…)`. `CoolDown` lets items come
        back with time.

    Example:
        >>> ranked = Ranked(*map(tf.constant, ([[3.0, 2.0]], [[7, 5]], [[1, 1]])))
        >>> rule = Exclude()
        >>> rule(ranked, {"exclusions": tf.constant([[7]])}, 2).positions.numpy().tolist()
        [[5, -1]]
    """

    def __init__(self, argument: str = "exclusions") -> None:
        super().__init__(name="exclude")
        self.argument = argument
        self.inputs = (RequestInput(argument, "items"),)

    def __call__(self, ranked: Ranked, request: Asked, k: tf.Tensor) -> Ranked:
        """Returns the lists without the named items."""
        return ranked.drop(is_in(ranked.positions, request[self.argument]))

    def excluded(self, request: Asked) -> tf.Tensor:
        """Returns the named items."""
        return request[self.argument]

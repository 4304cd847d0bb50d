"""The rule of allowed and denied tags."""

from collections.abc import Sequence

import tensorflow as tf

from tfrs_ext.reranking.item_tags import ItemTags
from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.reranking.rule import Asked, RequestInput, Rule


class FilterTags(Rule):
    """Keeps the items that bear an allowed tag and no denied one, as each request says.

    It filters what the generators brought: where few items bear a tag, lists may come out short.

    Args:
        tags: One sequence of strings for each of the C items; genres, say.

    Relations:
        `serving.export` with `items.tags` searches for items that pass, however few they are.

    Example:
        >>> ranked = Ranked(*map(tf.constant, ([[3.0, 2.0]], [[0, 1]], [[1, 1]])))
        >>> rule = FilterTags([["drama"], ["comedy", "drama"]])
        >>> request = {"allow": tf.constant([["drama"]]), "deny": tf.constant([["comedy"]])}
        >>> rule(ranked, request, 2).positions.numpy().tolist()
        [[0, -1]]
    """

    def __init__(self, tags: Sequence[Sequence[str]]) -> None:
        super().__init__(name="filter_tags")
        self.inputs = (RequestInput("allow", "tags"), RequestInput("deny", "tags"))
        self.num_items = len(tags)
        self._tags = ItemTags(tags, len(tags))

    def __call__(self, ranked: Ranked, request: Asked, k: tf.Tensor) -> Ranked:
        """Returns the lists without what isn't allowed."""
        return ranked.drop(~self._tags.passes(ranked.positions, request["allow"], request["deny"]))

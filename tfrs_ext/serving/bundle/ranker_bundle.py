"""The module behind the bundle of a ranking model: its state and its signatures."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext.ops.positions import is_in
from tfrs_ext.serving.bundle.columns import signature_name
from tfrs_ext.serving.bundle.item_table import ItemTable
from tfrs_ext.serving.bundle.ranking_reader import RankingReader
from tfrs_ext.serving.bundle.signatures import SignatureModule, concrete, untracked
from tfrs_ext.serving.bundle.user_table import UserTable

_LOWEST = tf.float32.min


class RankerBundle(SignatureModule):
    """Answers requests with a ranking model and tables of users and items.

    Args:
        scorer: The model.
        users: The known users.
        items: `{column: [C, ...]}`, what the model reads of items.
        catalogue: The items.
        exclude_seen: Whether `recommend` leaves out items that the user has seen.
        recommends: Whether there is a signature `recommend`.
    """

    def __init__(
        self,
        scorer: RankingReader,
        users: UserTable,
        items: Mapping[str, tf.Tensor],
        catalogue: ItemTable,
        exclude_seen: bool,
        recommends: bool,
    ) -> None:
        super().__init__("ranker", [scorer.model])
        self._scorer = untracked(scorer)
        self.users, self.catalogue = users, catalogue
        with tf.device("CPU"):
            self._items = {
                name: tf.Variable(values, trainable=False) for name, values in items.items()
            }
        self.exclude_seen, self.recommends = exclude_seen, recommends
        self.user_key = signature_name(users.key)
        taken = {"k", "exclusions", catalogue.key} & {self.user_key}
        if taken:
            raise ValueError(f"`user_key` must differ from the other inputs, received {taken}.")
        self.trace()

    @property
    def scorer(self) -> RankingReader:
        """The model."""
        return self._scorer()

    def _functions(self) -> dict[str, Any]:
        dtype = self.catalogue.rows.dtype
        user = {self.user_key: tf.TensorSpec([None], self.users.ids.dtype, name=self.user_key)}
        asked = {self.catalogue.key: tf.TensorSpec([None, None], dtype, name=self.catalogue.key)}
        rank = concrete(self._rank, {**user, **asked})
        functions = {
            "serving_default": rank,
            "rank": rank,
            "score": concrete(self._score, self.scorer.specs),
        }
        if self.recommends:
            more = {
                "k": tf.TensorSpec([], tf.int32, name="k"),
                "exclusions": tf.TensorSpec([None, None], dtype, name="exclusions"),
            }
            functions["recommend"] = concrete(self._recommend, {**user, **more})
        return functions

    def _rank(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = self.catalogue.rows(inputs[self.catalogue.key])
        return self._best(inputs[self.user_key], rows, tf.shape(rows)[1])

    def _recommend(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        users, items = inputs[self.user_key], int(self.catalogue.ids.shape[0])
        excluded = self.catalogue.rows(inputs["exclusions"])
        seen = self.users.seen(users) if self.exclude_seen else None
        excluded = excluded if seen is None else tf.concat([excluded, seen], axis=1)
        rows = tf.tile(tf.range(items)[None], [tf.shape(users)[0], 1])
        rows = tf.where(is_in(rows, excluded), -1, rows)
        return self._best(users, rows, tf.clip_by_value(inputs["k"], 0, items))

    def _score(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": self.scorer(self.scorer.columns(inputs))}

    def _best(self, users: tf.Tensor, rows: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        features = self.users.features(users)
        columns = {name: features[name] for name in self.scorer.names if name in features}
        scores = self.scorer.pairs(columns, self._items, tf.maximum(rows, 0))
        scores, order = tf.math.top_k(tf.where(rows < 0, _LOWEST, scores), k)
        return self.catalogue.answer(scores, tf.gather(rows, order, batch_dims=1))

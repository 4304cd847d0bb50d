"""The module behind the bundle of a ranking model: its state and its signatures."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfrs_ext.ops.positions import is_in, no_score
from tfrs_ext.serving.bundle import inputs
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.ranking_reader import RankingReader
from tfrs_ext.serving.bundle.signatures import Signature, SignatureModule, untracked

_K = 10

Tensors = dict[str, tf.Tensor]


class RankerBundle(SignatureModule):
    """Answers requests with a ranking model and tables of users and items.

    Args:
        scorer: The model.
        users: The known users.
        items: The items.
        columns: `{column: [C, ...]}`, what the model reads of items.
        recommends: Whether there is a signature `recommend`.
    """

    def __init__(
        self,
        scorer: RankingReader,
        users: KnownUsers,
        items: KnownItems,
        columns: Mapping[str, tf.Tensor],
        recommends: bool,
    ) -> None:
        super().__init__("ranker", [scorer.model])
        self._scorer = untracked(scorer)
        self.users, self.items, self._recommends = users, items, recommends
        with tf.device("CPU"):
            self._columns = {
                name: tf.Variable(values, trainable=False) for name, values in columns.items()
            }
        self._trace()

    @property
    def scorer(self) -> RankingReader:
        """The model."""
        return self._scorer()

    def _signatures(self) -> Sequence[Signature]:
        user = inputs.user_ids(self.users)
        rank = [user, inputs.items_to_rank(self.items), *self.users.context]
        signatures = [
            Signature("serving_default", self._rank, rank),
            Signature("rank", self._rank, rank),
            Signature("score", self._score, self.scorer.inputs),
        ]
        if self._recommends:
            more = [user, inputs.result_count(_K), inputs.exclusions(self.items)]
            more += self.users.context
            signatures.append(Signature("recommend", self._recommend, more))
        return signatures

    def _rank(self, **asked: tf.Tensor) -> Tensors:
        positions = self.items.positions(asked[self.items.key])
        return self._best(asked, positions, tf.shape(positions)[1])

    def _recommend(self, k: tf.Tensor, exclusions: tf.Tensor, **asked: tf.Tensor) -> Tensors:
        users, count = asked[self.users.key], self.items.count
        excluded = self.users.exclude(users, self.items.positions(exclusions))
        positions = tf.tile(tf.range(count)[None], [tf.shape(users)[0], 1])
        positions = tf.where(is_in(positions, excluded), -1, positions)
        return self._best(asked, positions, tf.clip_by_value(k, 0, count))

    def _score(self, **columns: tf.Tensor) -> Tensors:
        return {"score": self.scorer(self.scorer.columns(columns))}

    def _best(self, asked: Tensors, positions: tf.Tensor, k: tf.Tensor) -> Tensors:
        features = self.users.features(asked[self.users.key], asked)
        columns = {name: features[name] for name in self.scorer.names if name in features}
        scores = self.scorer.pairs(columns, self._columns, tf.maximum(positions, 0))
        scores, order = tf.math.top_k(tf.where(positions < 0, no_score(), scores), k)
        return self.items.answer(scores, tf.gather(positions, order, batch_dims=1))

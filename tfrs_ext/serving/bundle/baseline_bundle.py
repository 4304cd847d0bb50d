"""The module behind the bundle of a baseline: its state and its signatures."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrs_ext.baselines import Baseline
from tfrs_ext.ops.positions import no_score
from tfrs_ext.serving.bundle import inputs
from tfrs_ext.serving.bundle.columns import signature_name
from tfrs_ext.serving.bundle.item_filter import make_filter
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.signatures import (
    EXAMPLES,
    Input,
    Signature,
    SignatureModule,
    untracked,
)
from tfrs_ext.typing import TensorLike

HISTORY = "history"

Tensors = dict[str, tf.Tensor]


class BaselineBundle(SignatureModule):
    """Answers requests with a baseline and tables of users and items.

    Args:
        baseline: The fitted baseline.
        users: The known users; what they have seen, oldest first, is their history.
        items: The items, whose positions are those that the baseline has learnt.
        k: The number of items in an answer of the default signature.
        exclude_seen: Whether answers leave out the items of a history.
        group: The name of the users' column with their groups, where the baseline reads groups.
    """

    def __init__(
        self,
        baseline: Baseline,
        users: KnownUsers,
        items: KnownItems,
        k: int,
        exclude_seen: bool,
        group: str | None,
    ) -> None:
        super().__init__("baseline", [baseline])
        self._baseline = untracked(baseline)
        self.users, self.items = users, items
        self.k = min(k, baseline.num_candidates)
        self.excludes_seen, self._group = exclude_seen, group
        self._trace()

    def history_request(
        self, histories: tf.RaggedTensor, groups: tf.Tensor | None
    ) -> dict[str, TensorLike]:
        """Returns inputs of `recommend_by_features`.

        Args:
            histories: `[Q, (L)]` positions.
            groups: `[Q]`, where the baseline reads groups.
        """
        padding = "" if self.items.dtype == tf.string else -1
        ids = histories.with_values(tf.gather(self.items.ids.value(), histories.values))
        request: dict[str, TensorLike] = {HISTORY: ids.to_tensor(padding).numpy(), "k": self.k}
        request["exclusions"] = np.full([int(histories.nrows()), 1], padding)
        if self._group is not None and groups is not None:
            request[signature_name(self._group)] = groups.numpy()
        return request

    def _signatures(self) -> Sequence[Signature]:
        user, history = [inputs.user_ids(self.users)], self._history_inputs()
        more = [inputs.result_count(self.k), inputs.exclusions(self.items)]
        signatures = [
            Signature("serving_default", self._default, user),
            Signature("recommend", self._recommend, [*user, *more]),
            Signature("recommend_by_features", self._from_history, [*history, *more]),
        ]
        if self._baseline().relates_items:
            item = [inputs.item_ids(self.items)]
            signatures.append(Signature("similar_items", self._similar_items, item))
        if self.items.tags is not None:
            more = [*more, *inputs.tag_filters(), inputs.allowed_items(self.items)]
            signatures.append(
                Signature("recommend_filtered", self._recommend_filtered, [*user, *more])
            )
        return signatures

    def _history_inputs(self) -> list[Input]:
        spec = tf.TensorSpec([None, None], self.items.dtype, name=HISTORY)
        history = Input(spec, np.tile(self.items.examples(3), (EXAMPLES, 1)))
        if self._group is None:
            return [history]
        groups = self.users.features(self.users.ids[:EXAMPLES])[self._group]
        spec = tf.TensorSpec([None], groups.dtype, name=signature_name(self._group))
        return [history, Input(spec, groups.numpy())]

    def _default(self, **user: tf.Tensor) -> Tensors:
        history = self.users.history(user[self.users.key])
        found = self._search(history, self.k, self._seen(history), self._groups_of(user))
        return self.items.answer(*found, self.k)

    def _recommend(self, k: tf.Tensor, exclusions: tf.Tensor, **user: tf.Tensor) -> Tensors:
        history = self.users.history(user[self.users.key])
        excluded = tf.concat([self._seen(history), self.items.positions(exclusions)], axis=1)
        return self.items.answer(*self._search(history, k, excluded, self._groups_of(user)))

    def _recommend_filtered(
        self,
        k: tf.Tensor,
        exclusions: tf.Tensor,
        allow: tf.Tensor,
        deny: tf.Tensor,
        candidates: tf.Tensor,
        **user: tf.Tensor,
    ) -> Tensors:
        passes = make_filter(self.items, allow, deny, candidates)
        history, groups = self.users.history(user[self.users.key]), self._groups_of(user)
        excluded = tf.concat([self._seen(history), self.items.positions(exclusions)], axis=1)
        found = self._baseline().search(history, k, excluded, groups=groups, passes=passes)
        return self.items.answer(*found)

    def _from_history(self, k: tf.Tensor, exclusions: tf.Tensor, **asked: tf.Tensor) -> Tensors:
        positions = self.items.positions(asked[HISTORY])
        history = tf.RaggedTensor.from_tensor(positions, ragged_rank=1)
        excluded = tf.concat([self._seen(history), self.items.positions(exclusions)], axis=1)
        groups = None if self._group is None else asked[signature_name(self._group)]
        return self.items.answer(*self._search(history, k, excluded, groups))

    def _similar_items(self, **item: tf.Tensor) -> Tensors:
        positions = self.items.positions(item[self.items.key])[:, None]
        history = tf.RaggedTensor.from_tensor(positions, ragged_rank=1)
        scores, found = self._search(history, self.k, positions, None)
        # What the item tells nothing of is ranked by popularity, with scores below 0.
        unrelated = (positions < 0) | (scores <= 0)
        scores = tf.where(unrelated, no_score(scores.dtype), scores)
        return self.items.answer(scores, tf.where(unrelated, -1, found), self.k)

    def _search(
        self,
        history: tf.RaggedTensor,
        k: int | tf.Tensor,
        excluded: tf.Tensor,
        groups: tf.Tensor | None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return self._baseline().search(history, k, excluded, groups=groups)

    def _seen(self, history: tf.RaggedTensor) -> tf.Tensor:
        if not self.excludes_seen:
            return tf.zeros([history.nrows(), 0], tf.int32)
        return tf.cast(history.to_tensor(-1), tf.int32)

    def _groups_of(self, user: Tensors) -> tf.Tensor | None:
        if self._group is None:
            return None
        return self.users.features(user[self.users.key])[self._group]

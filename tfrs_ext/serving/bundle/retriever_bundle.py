"""The module behind the bundle of a retriever: its state and its signatures."""

from collections.abc import Sequence

import tensorflow as tf

from tfrs_ext.indexes import Index
from tfrs_ext.ops.positions import no_score
from tfrs_ext.serving.bundle import inputs
from tfrs_ext.serving.bundle.filtering import filtered_search
from tfrs_ext.serving.bundle.item_filter import make_filter
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.signatures import Input, Signature, SignatureModule, untracked
from tfrs_ext.serving.bundle.tower_reader import TowerReader

Tensors = dict[str, tf.Tensor]


class RetrieverBundle(SignatureModule):
    """Answers requests with towers, an index and tables of users and items.

    Args:
        query: The query tower.
        item: The item tower, for `embed_item`, or None.
        index: The index over the items, with their ids as identifiers.
        users: The known users, or None where requests carry the query features themselves.
        items: The items.
        k: The number of items in an answer of the default signature.
    """

    def __init__(
        self,
        query: TowerReader,
        item: TowerReader | None,
        index: Index,
        users: KnownUsers | None,
        items: KnownItems,
        k: int,
    ) -> None:
        owners = [index, *(tower.model for tower in (query, item) if tower is not None)]
        super().__init__("bundle", owners)
        self._index, self._query, self._item = untracked(index), untracked(query), untracked(item)
        self.op_namespaces, self.op_library = index.op_namespaces, index.op_library()
        self.users, self.items = users, items
        self.k = min(k, index.num_candidates)
        self._trace()

    @property
    def index(self) -> Index:
        """The index over the items."""
        return self._index()

    @property
    def query(self) -> TowerReader:
        """The query tower."""
        return self._query()

    @property
    def excludes_seen(self) -> bool:
        """Whether recommendations leave out what a user has seen."""
        return self.users is not None and self.users.excludes_seen

    def _signatures(self) -> Sequence[Signature]:
        user, item = self._user_inputs(), self._item()
        more = [*user, inputs.result_count(self.k), inputs.exclusions(self.items)]
        signatures = [
            Signature("serving_default", self._default, user),
            Signature("recommend", self._recommend, more),
            Signature("embed_user", self._embed_user, self.query.inputs),
            Signature("similar_items", self._similar_items, [inputs.item_ids(self.items)]),
        ]
        if self.users is not None:
            columns = [
                *self.query.inputs,
                inputs.result_count(self.k),
                inputs.exclusions(self.items),
            ]
            signatures.append(Signature("recommend_by_features", self._by_features, columns))
        if self.items.tags is not None:
            more = [*more, *inputs.tag_filters(), inputs.allowed_items(self.items)]
            signatures.append(Signature("recommend_filtered", self._recommend_filtered, more))
        if item is not None:
            signatures.append(Signature("embed_item", self._embed_item, item.inputs))
        return signatures

    def _user_inputs(self) -> list[Input]:
        if self.users is None:
            return self.query.inputs
        return [inputs.user_ids(self.users), *self.users.context]

    def _default(self, **user: tf.Tensor) -> Tensors:
        scores, positions = self.index.search(self._embed(user), self.k, self._seen(user))
        return self.items.answer(scores, positions, self.k)

    def _recommend(self, k: tf.Tensor, exclusions: tf.Tensor, **user: tf.Tensor) -> Tensors:
        excluded = self._exclude(user, exclusions)
        return self.items.answer(*self.index.search(self._embed(user), k, excluded))

    def _by_features(self, k: tf.Tensor, exclusions: tf.Tensor, **columns: tf.Tensor) -> Tensors:
        query = self.query(self.query.columns(columns))
        return self.items.answer(*self.index.search(query, k, self.items.positions(exclusions)))

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
        excluded = self._exclude(user, exclusions)
        found = filtered_search(self.index, self._embed(user), k, excluded, passes)
        return self.items.answer(*found)

    def _embed_user(self, **columns: tf.Tensor) -> Tensors:
        return {"embedding": self.query(self.query.columns(columns))}

    def _embed_item(self, **columns: tf.Tensor) -> Tensors:
        item = self._item()
        assert item is not None
        return {"embedding": item(item.columns(columns))}

    def _similar_items(self, **item: tf.Tensor) -> Tensors:
        positions = self.items.positions(item[self.items.key])
        embeddings = self.index.embeddings(positions)
        scores, found = self.index.search(embeddings, self.k, positions[:, None])
        unknown = (positions < 0)[:, None]
        scores = tf.where(unknown, no_score(scores.dtype), scores)
        return self.items.answer(scores, tf.where(unknown, -1, found), self.k)

    def _embed(self, user: Tensors) -> tf.Tensor:
        if self.users is None:
            return self.query(self.query.columns(user))
        return self.query(self.users.features(user[self.users.key], user))

    def _seen(self, user: Tensors) -> tf.Tensor | None:
        return None if self.users is None else self.users.seen(user[self.users.key])

    def _exclude(self, user: Tensors, exclusions: tf.Tensor) -> tf.Tensor:
        positions = self.items.positions(exclusions)
        if self.users is None:
            return positions
        return self.users.exclude(user[self.users.key], positions)

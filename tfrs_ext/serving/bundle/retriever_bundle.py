"""The module behind a bundle: its state and its signatures."""

from typing import Any

import tensorflow as tf

from tfrs_ext.indexes import Index
from tfrs_ext.serving.bundle.columns import signature_name
from tfrs_ext.serving.bundle.filtering import filtered_search
from tfrs_ext.serving.bundle.item_table import ItemTable
from tfrs_ext.serving.bundle.signatures import SignatureModule, concrete, untracked
from tfrs_ext.serving.bundle.tower_reader import TowerReader
from tfrs_ext.serving.bundle.user_table import UserTable

_OPTIONS = {"k", "exclusions", "allow", "deny"}


class RetrieverBundle(SignatureModule):
    """Answers requests with towers, an index and tables of users and items.

    Args:
        query: The query tower.
        item: The item tower, for `embed_item`, or None.
        index: Over the items, with their ids as identifiers.
        users: The known users, or None where requests carry the query features themselves.
        catalogue: The items.
        k: Number of items in an answer of the default signature.
        exclude_seen: Whether items that the user has seen are left out.
    """

    def __init__(
        self,
        query: TowerReader,
        item: TowerReader | None,
        index: Index,
        users: UserTable | None,
        catalogue: ItemTable,
        k: int,
        exclude_seen: bool,
    ) -> None:
        owners = [index, *(tower.model for tower in (query, item) if tower is not None)]
        super().__init__("bundle", owners)
        self._index, self._query, self._item = (untracked(part) for part in (index, query, item))
        self.op_namespaces, self.op_library = index.op_namespaces, index.op_library()
        self.users, self.catalogue = users, catalogue
        self.k = min(k, index.num_candidates)
        self.exclude_seen = exclude_seen
        self.trace()

    @property
    def index(self) -> Index:
        """The index over the items."""
        return self._index()

    @property
    def query(self) -> TowerReader:
        """The query tower."""
        return self._query()

    def _functions(self) -> dict[str, Any]:
        user, item = self._user_specs(), {self.catalogue.key: self.catalogue.spec()}
        more = {
            "k": tf.TensorSpec([], tf.int32, name="k"),
            "exclusions": tf.TensorSpec([None, None], self.catalogue.rows.dtype, name="exclusions"),
        }
        functions = {
            "serving_default": concrete(self._default, user),
            "recommend": concrete(self._recommend, {**user, **more}),
            "embed_user": concrete(self._embed_user, self.query.specs),
            "similar_items": concrete(self._similar_items, item),
        }
        if self.catalogue.has_tags:
            for name in ("allow", "deny"):
                more[name] = tf.TensorSpec([None, None], tf.string, name=name)
            functions["recommend_filtered"] = concrete(self._filtered, {**user, **more})
        if self._item() is not None:
            functions["embed_item"] = concrete(self._embed_item, self._item().specs)
        return functions

    def _user_specs(self) -> dict[str, tf.TensorSpec]:
        if self.users is not None:
            key = signature_name(self.users.key)
            specs = {key: tf.TensorSpec([None], self.users.ids.dtype, name=key)}
        else:
            specs = self.query.specs
        taken = _OPTIONS & set(specs)
        if taken:
            raise ValueError(f"Columns may not be called {sorted(_OPTIONS)}, received {taken}.")
        return specs

    def _default(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        embeddings, seen = self._user(inputs)
        scores, rows = self.index.search(embeddings, self.k, seen)
        return self.catalogue.answer(scores, rows, self.k)

    def _recommend(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        k, exclusions = inputs.pop("k"), inputs.pop("exclusions")
        embeddings, excluded = self._excluding(inputs, exclusions)
        return self.catalogue.answer(*self.index.search(embeddings, k, excluded))

    def _filtered(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        k, exclusions, allow, deny = (
            inputs.pop(name) for name in ("k", "exclusions", "allow", "deny")
        )
        embeddings, excluded = self._excluding(inputs, exclusions)

        def passes(rows: tf.Tensor) -> tf.Tensor:
            return self.catalogue.passes(rows, allow, deny)

        found = filtered_search(self.index, embeddings, k, excluded, passes)
        return self.catalogue.answer(*found)

    def _embed_user(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embedding": self.query(self.query.columns(inputs))}

    def _embed_item(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        item = self._item()
        return {"embedding": item(item.columns(inputs))}

    def _similar_items(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        (ids,) = inputs.values()
        rows = self.catalogue.rows(ids)
        embeddings = self.index.embeddings(rows)
        scores, found = self.index.search(embeddings, self.k, exclude_positions=rows[:, None])
        unknown = (rows < 0)[:, None]
        scores = tf.where(unknown, scores.dtype.min, scores)
        return self.catalogue.answer(scores, tf.where(unknown, -1, found), self.k)

    def _user(self, inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor | None]:
        if self.users is None:
            return self.query(self.query.columns(inputs)), None
        (ids,) = inputs.values()
        seen = self.users.seen(ids) if self.exclude_seen else None
        return self.query(self.users.features(ids)), seen

    def _excluding(
        self, inputs: dict[str, tf.Tensor], exclusions: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        embeddings, seen = self._user(inputs)
        excluded = self.catalogue.rows(exclusions)
        return embeddings, excluded if seen is None else tf.concat([excluded, seen], axis=1)

"""The module behind a bundle: its state and its signatures."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext.indexes import Index, gather_rows
from tfrs_ext.serving._row_lookup import RowLookup
from tfrs_ext.serving._tensors import signature_names, spec
from tfrs_ext.serving._users import Users

SCORE = "score"
_STATE = (tf.Variable, tf.saved_model.experimental.TrackableResource, tf.saved_model.Asset)


class Bundle(tf.Module):
    """Answers requests with a query model, an index and tables of users and items.

    Args:
        query_model: Keras model from `{column: [B, ...]}` to embeddings `[B, D]`.
        index: Over the items, with their ids as identifiers.
        queries: `{column: [Q, ...]}`, columns among which are those that the query model reads.
        reads: Names of the columns that the query model reads.
        items: From item ids to row numbers.
        users: The known users, or None where requests carry the query features themselves.
        fields: `{column: [C, ...]}` of the items, returned beside the ids.
        item_key: Name of the item ids in requests and answers.
        k: Number of items in an answer of the default signature.
        exclude_seen: Whether items that the user has seen are left out.
    """

    def __init__(
        self,
        query_model: Any,
        index: Index,
        queries: Mapping[str, tf.Tensor],
        reads: Sequence[str],
        items: RowLookup,
        users: Users | None,
        fields: Mapping[str, tf.Tensor],
        item_key: str,
        k: int,
        exclude_seen: bool,
    ) -> None:
        super().__init__(name="bundle")
        self._query_model, self._index = _untracked(query_model), _untracked(index)
        # Their state alone is saved: Keras objects would bring functions that nobody serves.
        self._state = [*_state_of(query_model), *_state_of(index)]
        self.items = items
        self.users = users
        self.k = min(k, index.num_candidates)
        self.exclude_seen = exclude_seen
        self.feature_names = tuple(reads)
        self._specs = {
            column: spec(name, queries[column])
            for column, name in signature_names(reads, "users or queries").items()
        }
        with tf.device("CPU"):
            self._fields = {
                name: tf.Variable(values, trainable=False) for name, values in fields.items()
            }
        self._item_key = item_key
        self.item_input = signature_names([item_key], "item_key")[item_key]
        self._names = signature_names([item_key, SCORE, *fields], "item_fields")
        self.signatures = _untracked(self._trace())

    @property
    def index(self) -> Index:
        """The index over the items."""
        return self._index()

    @property
    def output_names(self) -> tuple[str, str]:
        """What the ids and the scores are called in answers."""
        return self._names[self._item_key], self._names[SCORE]

    def describe(self) -> dict[str, Any]:
        """Returns inputs and outputs of each signature, JSON-able."""
        return {name: _described(function) for name, function in self.signatures().items()}

    def save(self, folder: pathlib.Path) -> None:
        """Writes the SavedModel."""
        options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
        tf.saved_model.save(self, str(folder), signatures=self.signatures(), options=options)

    def _trace(self) -> dict[str, Any]:
        features = {spec.name: spec for spec in self._specs.values()}
        item = {self.item_input: tf.TensorSpec([None], self.items.dtype, name=self.item_input)}
        more = {
            "k": tf.TensorSpec([], tf.int32, name="k"),
            "exclusions": tf.TensorSpec([None, None], self.items.dtype, name="exclusions"),
        }
        user = features
        if self.users is not None:
            key = signature_names([self.users.key], "user_key")[self.users.key]
            user = {key: tf.TensorSpec([None], self.users.ids.dtype, name=key)}
        return {
            "serving_default": _concrete(self._default, user),
            "recommend": _concrete(self._recommend, {**user, **more}),
            "embed_user": _concrete(self._embed_user, features),
            "similar_items": _concrete(self._similar_items, item),
        }

    def _default(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        embeddings, seen = self._user(inputs)
        return self._answer(*self.index.search(embeddings, self.k, seen), self.k)

    def _recommend(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        k, excluded = inputs.pop("k"), self.items(inputs.pop("exclusions"))
        embeddings, seen = self._user(inputs)
        if seen is not None:
            excluded = tf.concat([excluded, seen], axis=1)
        return self._answer(*self.index.search(embeddings, k, excluded), None)

    def _embed_user(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embedding": self._embed(self._columns(inputs))}

    def _similar_items(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        (ids,) = inputs.values()
        rows = self.items(ids)
        scores, found = self.index.search(
            self.index.embeddings(rows), self.k, exclude_rows=rows[:, None]
        )
        unknown = (rows < 0)[:, None]
        scores = tf.where(unknown, scores.dtype.min, scores)
        return self._answer(scores, tf.where(unknown, -1, found), self.k)

    def _user(self, inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor | None]:
        if self.users is None:
            return self._embed(self._columns(inputs)), None
        (ids,) = inputs.values()
        seen = self.users.seen(ids) if self.exclude_seen else None
        return self._embed(self.users.features(ids)), seen

    def _columns(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {column: inputs[spec.name] for column, spec in self._specs.items()}

    def _embed(self, columns: dict[str, tf.Tensor]) -> tf.Tensor:
        read = {name: columns[name] for name in self.feature_names}
        return tf.cast(self._query_model()(read, training=False), tf.float32)

    def _answer(self, scores: tf.Tensor, rows: tf.Tensor, k: int | None) -> dict[str, tf.Tensor]:
        rows = tf.ensure_shape(rows, [None, k])
        values = {self._item_key: self.index.identifiers, **self._fields}
        found = {name: gather_rows(column, rows) for name, column in values.items()}
        found[SCORE] = tf.ensure_shape(scores, [None, k])
        return {self._names[name]: column for name, column in found.items()}


def _concrete(function: Callable[..., Any], specs: Mapping[str, tf.TensorSpec]) -> Any:
    return tf.function(function, autograph=False).get_concrete_function(**specs)


def _described(function: Any) -> dict[str, Any]:
    def facts(specs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: {"dtype": spec.dtype.name, "shape": list(spec.shape)}
            for name, spec in sorted(specs.items())
        }

    return {
        "inputs": facts(function.structured_input_signature[1]),
        "outputs": facts(function.structured_outputs),
    }


def _untracked(value: Any) -> Callable[[], Any]:
    return lambda: value


def _state_of(value: Any) -> list[Any]:
    descendants = tf.train.TrackableView(value).descendants()
    return [part for part in descendants if isinstance(part, _STATE)]

"""Users with items to rank, as requests, and the ranking that the model gives here."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.bundle.ranker_bundle import RankerBundle
from tfrs_ext.serving.verification.retriever_sample import sample_rows

_USERS, _ITEMS = 32, 50


class RankerSample:
    """Each of some users with the same items, the last of which the catalogue lacks.

    Args:
        bundle: What will be asked.
        users: `{column: [U, ...]}`.
        items: `{column: [C, ...]}`.
        item_id: The name of the column with the items' ids.
    """

    def __init__(
        self,
        bundle: RankerBundle,
        users: Mapping[str, tf.Tensor],
        items: Mapping[str, tf.Tensor],
        item_id: str,
    ) -> None:
        self._bundle = bundle
        self._users = _some(users, _USERS)
        self._items = _some(items, _ITEMS)
        self._user_ids, self._item_ids = self._users[bundle.users.column], self._items[item_id]
        padding = "" if self._item_ids.dtype == object else -1
        self._asked = np.append(self._item_ids, np.array([padding], self._item_ids.dtype))

    def request(self) -> dict[str, npt.NDArray[Any]]:
        """Returns inputs of `rank`."""
        asked = np.broadcast_to(self._asked, (len(self._user_ids), len(self._asked)))
        return {**self._who(), self._bundle.items.key: asked}

    def _who(self) -> dict[str, npt.NDArray[Any]]:
        users = self._bundle.users
        return {users.key: self._user_ids, **users.example_context(len(self._user_ids))}

    def expected(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
        """Returns ids and scores `[Q, M]`, best first, by the model in this process."""
        users, items = len(self._user_ids), len(self._item_ids)
        who = {name: tf.constant(values) for name, values in self._who().items()}
        found = self._bundle.users.features(who[self._bundle.users.key], who)
        asked = {name: values.numpy() for name, values in found.items()}
        columns = {name: np.repeat(values, items, 0) for name, values in asked.items()}
        columns.update(
            {name: np.concatenate([values] * users) for name, values in self._items.items()}
        )
        tensors = {name: tf.convert_to_tensor(values) for name, values in columns.items()}
        scores = self._bundle.scorer(tensors).numpy().reshape(users, items)
        order = np.argsort(-scores, axis=1, kind="stable")
        missing = np.full((users, 1), np.finfo(np.float32).min, np.float32)
        ids = np.concatenate([self._item_ids[order], [self._asked[-1:]] * users], axis=1)
        return ids, np.concatenate([np.take_along_axis(scores, order, 1), missing], axis=1)


def _some(columns: Mapping[str, tf.Tensor], wanted: int) -> dict[str, npt.NDArray[Any]]:
    rows = sample_rows(int(next(iter(columns.values())).shape[0]), wanted)
    return {name: tf.gather(values, rows).numpy() for name, values in columns.items()}

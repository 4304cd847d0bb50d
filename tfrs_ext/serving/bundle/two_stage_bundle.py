"""The module behind the bundle of two stages: tables of users and items around the system."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.reranking import RequestInput
from tfrs_ext.serving.bundle import inputs
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.signatures import (
    EXAMPLES,
    Input,
    Signature,
    SignatureModule,
    untracked,
)
from tfrs_ext.stages import TwoStage
from tfrs_ext.typing import TensorLike

REASON = "reason"

Tensors = dict[str, tf.Tensor]


class TwoStageBundle(SignatureModule):
    """Answers requests with generators, a ranker, rules and tables of users and items.

    Args:
        system: The stages.
        users: The known users.
        items: The items.
        k: The number of items in an answer of the default signature.
    """

    def __init__(self, system: TwoStage, users: KnownUsers, items: KnownItems, k: int) -> None:
        super().__init__("two_stage", [system])
        self._system = untracked(system)
        self.op_namespaces = tuple(
            {name: None for generator in system.generators for name in generator.op_namespaces}
        )
        libraries = [g.op_library for g in system.generators if g.op_library is not None]
        self.op_library = libraries[0] if libraries else None
        self.users, self.items = users, items
        self.k = min(k, system.num_ranked)
        self._trace()

    @property
    def system(self) -> TwoStage:
        """The stages."""
        return self._system()

    def answer_here(
        self, signature: str, asked: Mapping[str, TensorLike]
    ) -> dict[str, npt.NDArray[Any]]:
        """Returns what a signature answers in this process, operation by operation.

        Args:
            signature: Its name.
            asked: Its inputs.
        """
        functions: dict[str, Callable[..., Tensors]]
        functions = {"serving_default": self._default, "recommend": self._recommend}
        tensors = {name: tf.convert_to_tensor(values) for name, values in asked.items()}
        return {n: values.numpy() for n, values in functions[signature](**tensors).items()}

    def _signatures(self) -> Sequence[Signature]:
        user = [inputs.user_ids(self.users)]
        asked = [self._input(wanted) for wanted in self.system.inputs.values()]
        more = [*user, inputs.result_count(self.k), *asked]
        return [
            Signature("serving_default", self._default, user),
            Signature("recommend", self._recommend, more),
        ]

    def _input(self, wanted: RequestInput) -> Input:
        if wanted.kind == "items":
            spec = tf.TensorSpec([None, None], self.items.dtype, name=wanted.name)
            return Input(spec, np.tile(self.items.examples(1), (EXAMPLES, 1)))
        nothing = wanted.empty(tf.constant(EXAMPLES))
        spec = tf.TensorSpec([None, None], nothing.dtype, name=wanted.name)
        return Input(spec, nothing.numpy())

    def _default(self, **user: tf.Tensor) -> Tensors:
        return self._answer(user[self.users.key], {}, tf.constant(self.k), self.k)

    def _recommend(self, k: tf.Tensor, **asked: tf.Tensor) -> Tensors:
        users = asked.pop(self.users.key)
        request = {
            name: self.items.positions(values)
            if self.system.inputs[name].kind == "items"
            else values
            for name, values in asked.items()
        }
        return self._answer(users, request, k)

    def _answer(
        self,
        users: tf.Tensor,
        request: Mapping[str, tf.Tensor],
        k: tf.Tensor,
        width: int | None = None,
    ) -> Tensors:
        # One column more, so that there is one where nobody has seen anything.
        seen = self.users.exclude(users, tf.fill([tf.size(users), 1], -1))
        shown = self.system(self.users.features(users), seen, request, tf.maximum(k, 1))
        shown = shown.first(tf.maximum(k, 0))
        answer = self.items.answer(shown.scores, shown.positions, width)
        return {**answer, REASON: tf.ensure_shape(self.system.reasons(shown), [None, width])}

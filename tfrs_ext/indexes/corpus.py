"""What an index holds of one corpus: the ids, and the tensors that it searches."""

import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_FACTS = ("identifiers", "width", "largest_sum", "most_of_an_id", "has_ids")
_BLOCK = 65536


class Corpus(tf.Module):
    """The variables of one corpus; never changed, only replaced by another corpus.

    Args:
        tensors: What the index searches, by name, with the `"identifiers"` `[C]`, the `"width"` D,
            the `"largest_sum"` of absolute values that a candidate has, under `"most_of_an_id"`
            how many candidates bear the id that most bear, and under `"has_ids"` whether they came
            with ids: 1, or 0 where the identifiers are the positions.
        device: Where the variables live; None for TensorFlow's choice.
    """

    def __init__(self, tensors: Mapping[str, tf.Tensor], device: str | None = None) -> None:
        super().__init__(name="corpus")
        self._variables = {}
        for name, tensor in tensors.items():
            # Servers look ids up beside strings, which live in the processor's memory.
            with tf.device("CPU" if name in _FACTS else device):
                self._variables[name] = tf.Variable(tensor, trainable=False, name=name)
        # For resources outside of TensorFlow's graph, which must not be another corpus's.
        self.unique_name = f"corpus-{uuid.uuid4()}"
        self.num_candidates = int(self.identifiers.shape[0])
        # Python numbers, so that graphs hold constants.
        self._numbers = {
            name: variable.numpy().item()
            for name, variable in self._variables.items()
            if variable.shape.rank == 0 and variable.dtype != tf.string
        }

    @classmethod
    def build(
        cls,
        tensors: Mapping[str, tf.Tensor],
        identifiers: tf.Tensor,
        candidates: tf.Tensor,
        device: str | None = None,
        has_ids: bool = True,
    ) -> "Corpus":
        """Returns the corpus of new candidates.

        Args:
            tensors: What the index searches, by name.
            identifiers: `[C]`.
            candidates: `[C, D]`, from which `tensors` were made.
            device: Where the variables live.
            has_ids: Whether the candidates came with ids.
        """
        facts = {
            "identifiers": identifiers,
            "has_ids": tf.constant(int(has_ids)),
            "width": tf.constant(candidates.shape[1]),
            "largest_sum": tf.constant(_largest_sum(candidates), tf.float32),
            "most_of_an_id": tf.constant(_count_most(identifiers.numpy())),
        }
        return cls({**tensors, **facts}, device)

    def rebuild(self, tensors: Mapping[str, tf.Tensor], device: str | None = None) -> "Corpus":
        """Returns a corpus of the same candidates with other tensors to search.

        Args:
            tensors: What the index searches, by name.
            device: Where the variables live.
        """
        facts = {name: self._variables[name].read_value() for name in _FACTS}
        return Corpus({**facts, **tensors}, device)

    def __getitem__(self, name: str) -> tf.Variable:
        return self._variables[name]

    @property
    def identifiers(self) -> tf.Variable:
        """`[C]`, the id of each position."""
        return self._variables["identifiers"]

    @property
    def largest_query(self) -> float:
        """The largest absolute value in a query with which no dot product overflows.

        Not with candidates held as whole numbers up to 127 either.
        """
        largest = float(np.finfo(np.float32).max)
        return largest / max(self.number("largest_sum"), 128.0 * self.width)

    @property
    def width(self) -> int:
        """D, the width of the embeddings."""
        return int(self.number("width"))

    @property
    def has_ids(self) -> bool:
        """Whether the candidates came with ids; without, identifiers are the positions."""
        return bool(self.number("has_ids"))

    @property
    def most_of_an_id(self) -> int:
        """How many candidates bear the id that most bear; 1 where ids are unique."""
        return int(self.number("most_of_an_id"))

    def number(self, name: str) -> float:
        """Returns a scalar among the tensors as a Python number."""
        number: float = self._numbers[name]
        return number

    def variables_by_name(self) -> dict[str, tf.Variable]:
        """Returns all variables: what a file of weights must hold."""
        return dict(self._variables)

    # With these two properties Keras forgets the weights of a corpus that is replaced.
    @property
    def trainable_weights(self) -> list[tf.Variable]:
        """Returns none."""
        return []

    @property
    def non_trainable_weights(self) -> list[tf.Variable]:
        """Returns all variables."""
        return list(self._variables.values())


def _count_most(identifiers: npt.NDArray[Any]) -> int:
    return int(np.unique(identifiers, return_counts=True)[1].max())


def _largest_sum(candidates: tf.Tensor) -> float:
    # In float64, since the sum may overflow; by blocks, since a copy would double the memory.
    sums = [
        tf.reduce_max(tf.reduce_sum(tf.cast(tf.abs(candidates[i : i + _BLOCK]), tf.float64), 1))
        for i in range(0, len(candidates), _BLOCK)
    ]
    return min(float(tf.reduce_max(tf.stack(sums))), float(np.finfo(np.float32).max))

"""Values that travel between the floors of the package, and the legend of shapes.

Shapes in docstrings: `B` queries, `C` candidates scored, `N` negatives, `D` embedding width,
`L` history length, `K` results.
"""

import dataclasses
from typing import Any, ClassVar, NamedTuple, Union

import tensorflow as tf


class Candidates(NamedTuple):
    """What every source of candidates answers with.

    Attributes:
        embeddings: `[N, D]` floating point, one row per candidate.
        ids: `[N]` int32, int64 or string, the candidates' identifiers.
        log_q: `[N]` float32, natural logarithm of the probability that one draw of the source
            gives this candidate (a distribution over the catalogue: it sums to 1 over all items).
    """

    embeddings: tf.Tensor
    ids: tf.Tensor
    log_q: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Feature:
    """One input column, with the facts that a tower needs in order to embed it.

    Attributes:
        name: The column, which is the key in the batches and in the signatures of an export.
    """

    name: str
    _kinds: ClassVar[dict[str, type["Feature"]]] = {}

    def __init_subclass__(cls) -> None:
        Feature._kinds[cls.__name__] = cls

    def get_config(self) -> dict[str, Any]:
        """Returns a JSON-able description, for `Feature.from_config`."""
        return {"kind": type(self).__name__, **dataclasses.asdict(self)}

    @staticmethod
    def from_config(config: dict[str, Any]) -> "Feature":
        """Builds the feature that `get_config` described."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in config.items()
            if key != "kind"
        }
        return Feature._kinds[config["kind"]](**values)


Vocabulary = Union[tuple[int, ...], tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Categorical(Feature):
    """A column `[B]` of int64 or string ids; values outside `vocabulary` share one embedding."""

    vocabulary: Vocabulary = ()


@dataclasses.dataclass(frozen=True)
class Numeric(Feature):
    """A column `[B]` of float32 numbers, standardised by `mean` and `std` of the training rows.

    Attributes:
        mean: Of the training rows.
        std: Of the training rows.
        quantiles: Of the training rows, at even levels from the least to the greatest value; for
            `layers.QuantilePowers`.
    """

    mean: float = 0.0
    std: float = 1.0
    quantiles: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Text(Feature):
    """A column `[B]` of strings, split into lower-case words; `vocabulary` holds the words."""

    vocabulary: tuple[str, ...] = ()

    @staticmethod
    def words(texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the runs of letters and digits of texts `[B]`, in lower case, `[B, (words)]`."""
        lower = tf.strings.lower(texts, encoding="utf-8")
        return tf.strings.split(tf.strings.regex_replace(lower, r"[^\p{L}\p{N}]+", " "))


@dataclasses.dataclass(frozen=True)
class Timestamp(Feature):
    """A column `[B]` of int64 Unix seconds; the training rows lie in `[minimum, maximum]`."""

    minimum: int = 0
    maximum: int = 1


@dataclasses.dataclass(frozen=True)
class History(Feature):
    """A column `[B, L]` of the user's latest item ids, oldest first, padded on the left.

    Attributes:
        vocabulary: The item ids.
        length: `L`.
    """

    vocabulary: Vocabulary = ()
    length: int = 50

    @property
    def padding(self) -> Union[int, str]:
        """The value that stands where the history is shorter than `length`: -1 or `""`."""
        return "" if self.vocabulary and isinstance(self.vocabulary[0], str) else -1

"""The value that every source of candidates answers with."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.ops.checks import is_log_probability, same_size
from tfrs_ext.ops.spans import Span, size


class Candidates(NamedTuple):
    """Items as they are scored, and how probable it was to draw them.

    Attributes:
        embeddings: `[N, D]` floating point, one row per candidate.
        ids: `[N]` integers, strings or floating-point numbers, the candidates' ids.
        log_q: `[N]` float32, the natural logarithm of the probability that one draw of the source
            gives this candidate (a distribution over the catalogue: it sums to 1 over all items);
            None where it isn't known.

    Example:
        >>> items = Candidates(tf.eye(3), tf.constant([7, 8, 9]))
        >>> items.take([2, 0]).ids.numpy()
        array([9, 7], dtype=int32)
    """

    embeddings: tf.Tensor
    ids: tf.Tensor
    log_q: tf.Tensor | None = None

    @property
    def known_log_q(self) -> tf.Tensor:
        """`log_q` in float32, or an error where it isn't known."""
        if self.log_q is None:
            raise ValueError(
                "`log_q` must be known to correct for it, received None: give "
                "`candidate_sampling_probability`, or a source of negatives that knows its own, "
                "such as `InBatch(frequency)`."
            )
        return tf.cast(self.log_q, tf.float32)

    @property
    def id_kind(self) -> str:
        """What the ids are: "integers", "strings", or the name of another type."""
        kind = self.ids.dtype
        return "strings" if kind == tf.string else "integers" if kind.is_integer else kind.name

    def head(self, count: int | tf.Tensor) -> "Candidates":
        """Returns the first `count` candidates; the very same value where these are all of them."""
        known = self.embeddings.shape[0]
        if known is not None and tf.get_static_value(count) == known:
            return self
        span = Span(0, count)
        return Candidates(*(None if part is None else span.of(part) for part in self))

    def take(self, positions: tf.Tensor) -> "Candidates":
        """Returns the candidates at `positions` `[n]`, in that order."""
        return Candidates(*(None if part is None else tf.gather(part, positions) for part in self))

    def like(self, other: "Candidates") -> "Candidates":
        """Returns the same candidates in the types of `other`.

        Raises:
            ValueError: Where the ids are of two kinds.
        """
        wanted, received = other.ids.dtype, self.ids.dtype
        if other.id_kind != self.id_kind:
            raise ValueError(
                f"`candidate_ids` must be of the kind of the source's ids, {self.id_kind}, "
                f"received {other.id_kind}."
            )
        return Candidates(
            tf.cast(self.embeddings, other.embeddings.dtype),
            self.ids if wanted == received else tf.cast(self.ids, wanted),
            None if self.log_q is None else tf.cast(self.log_q, tf.float32),
        )

    def concat(self, others: Sequence["Candidates"]) -> "Candidates":
        """Returns these candidates and the others behind them, in the types of these.

        `log_q` is known where all know theirs.
        """
        alike = [self, *(other.like(self) for other in others)]
        log_qs = [part.log_q for part in alike if part.log_q is not None]
        return Candidates(
            tf.concat([part.embeddings for part in alike], axis=0),
            tf.concat([part.ids for part in alike], axis=0),
            tf.concat(log_qs, axis=0) if len(log_qs) == len(alike) else None,
        )

    def check(self, name: str, width: int | tf.Tensor | None = None) -> list[tf.Operation]:
        """Raises where types, ranks or known sizes don't fit; returns assertions about the rest.

        Args:
            name: What an error calls these candidates.
            width: D of the queries.
        """
        checks = self._check_parts(name)
        if width is not None:
            checks.append(
                same_size(f"{name}.embeddings", self.embeddings, 1, width, "`query_embeddings`")
            )
        if self.log_q is not None:
            message = (
                f"`{name}.log_q` must be finite logarithms of probabilities, at most 0: an item "
                "that is never drawn has none, so give every item a small frequency."
            )
            checks.append(is_log_probability(self.log_q, message))
        return [check for check in checks if check is not None]

    def _check_parts(self, name: str) -> list[tf.Operation | None]:
        checks = []
        count = size(self.embeddings)
        for part, rank in (("embeddings", 2), ("ids", 1), ("log_q", 1)):
            tensor = getattr(self, part)
            if tensor is None:
                continue
            if tensor.shape.rank not in (None, rank):
                raise ValueError(
                    f"`{name}.{part}` must have {rank} axes, received shape={tensor.shape}."
                )
            if part != "ids" and not tensor.dtype.is_floating:
                raise ValueError(
                    f"`{name}.{part}` must be floating point, received {tensor.dtype.name}."
                )
            checks.append(same_size(f"{name}.{part}", tensor, 0, count, f"`{name}.embeddings`"))
        return checks


__all__ = ["Candidates"]

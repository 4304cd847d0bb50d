"""Generators, a ranker and rules as one recommender."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfrs_ext.features import Feature
from tfrs_ext.ops.positions import no_score
from tfrs_ext.reranking import Ranked, RequestInput, Rule
from tfrs_ext.stages.generator import Generator
from tfrs_ext.stages.item_ranker import ItemRanker
from tfrs_ext.stages.merging import merge_found

_MOST_REASONS = 10


class TwoStage(tf.Module):
    """Brings some hundreds of items by generators, ranks them by a model, re-ranks them by rules.

    Each stage can be called alone, to be evaluated; a call runs all of them. It reads users as
    columns and items as positions; `serving.export_two_stage` makes one SavedModel of it that
    takes user ids and answers with item ids, titles, scores and reasons.

    Args:
        generators: The generators, each with a `source` of its own.
        ranker: The ranking model with the items' columns.
        rules: The rules, in the order in which they are applied.

    Call arguments:
        queries: `{column: [B, ...]}`, what the models read of users.
        excluded: `[B, E]` int32 positions that are left out, such as what users have seen; -1
            leaves out nothing. E is 1 or more.
        request: `{input: tensor}`, what the rules read; what is missing stands for nothing.
        k: The number of places, an int or an int32 scalar tensor, at least 1.

    Returns:
        `reranking.Ranked` with `[B, min(k, M)]` places, M being the sum of what generators bring.

    Raises:
        ValueError: The parts know different numbers of items, or two generators have one source.

    Relations:
        A retriever alone (`serving.export`) where the order of the tower will do.
    """

    def __init__(
        self, generators: Sequence[Generator], ranker: ItemRanker, rules: Sequence[Rule] = ()
    ) -> None:
        super().__init__(name="two_stage")
        self.generators, self.ranker, self.rules = list(generators), ranker, list(rules)
        self._check_parts()
        self._explaining = [rule for rule in self.rules if rule.reason]
        self._reasons = _combine([*self.sources, *(rule.reason for rule in self._explaining)])

    def _check_parts(self) -> None:
        if not self.generators or len(set(self.sources)) != len(self.sources):
            raise ValueError(
                f"`generators` must be one or more with different sources, received {self.sources}."
            )
        counts = {generator.source: generator.num_items for generator in self.generators}
        counts["ranker"] = self.ranker.num_items
        for rule in self.rules:
            counts[rule.name] = rule.num_items or self.num_items
        if len(set(counts.values())) != 1:
            raise ValueError(f"All parts must know the same items, received numbers {counts}.")
        kinds: dict[str, str] = {}
        for wanted in (wanted for rule in self.rules for wanted in rule.inputs):
            if kinds.setdefault(wanted.name, wanted.kind) != wanted.kind:
                raise ValueError(
                    f"`rules` must agree on what {wanted.name!r} is, received "
                    f"{kinds[wanted.name]!r} and {wanted.kind!r}."
                )

    @property
    def sources(self) -> list[str]:
        """What answers call the generators, in the order of the bits of `Ranked.sources`."""
        return [generator.source for generator in self.generators]

    @property
    def num_items(self) -> int:
        """C, the number of items."""
        return self.ranker.num_items

    @property
    def num_ranked(self) -> int:
        """M, the number of places that the ranker sees for each query."""
        return sum(generator.count for generator in self.generators)

    @property
    def inputs(self) -> dict[str, RequestInput]:
        """What the rules read of a request, by name."""
        return {wanted.name: wanted for rule in self.rules for wanted in rule.inputs}

    @property
    def query_columns(self) -> list[str]:
        """The names of the columns of queries that the stages read, as far as they say so."""
        found = {name for generator in self.generators for name in generator.columns}
        return sorted(found.union(self.ranker.columns))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns that the models read, where they say so, each once."""
        models = [self.ranker.model, *(getattr(g, "query_model", None) for g in self.generators)]
        found = [feature for model in models for feature in getattr(model, "features", ())]
        return tuple({feature.name: feature for feature in found}.values())

    def generate(
        self, queries: Mapping[str, tf.Tensor], excluded: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the positions of the items to rank and their sources, each `[B, M]` int32.

        Args:
            queries: `{column: [B, ...]}`.
            excluded: `[B, E]` int32 positions that are left out.
        """
        return merge_found([generator(queries, excluded) for generator in self.generators])

    def rank(
        self, queries: Mapping[str, tf.Tensor], positions: tf.Tensor, sources: tf.Tensor
    ) -> Ranked:
        """Returns the items by the ranking model, best first.

        Args:
            queries: `{column: [B, ...]}`.
            positions: `[B, M]` int32, such as `generate` gives.
            sources: `[B, M]` int32, such as `generate` gives.
        """
        scores = self.ranker(queries, positions)
        unsorted = Ranked(tf.fill(tf.shape(positions), no_score()), positions, sources)
        return unsorted.with_scores(scores)

    def rerank(
        self, ranked: Ranked, request: Mapping[str, tf.Tensor], k: int | tf.Tensor
    ) -> Ranked:
        """Returns the first k places after all rules.

        Args:
            ranked: The lists, best first, such as `rank` gives.
            request: `{input: tensor}`, what the rules read; what is missing stands for nothing.
            k: The number of places.
        """
        k = tf.minimum(k, tf.shape(ranked.positions)[1])
        request = self._complete(request, tf.shape(ranked.positions)[0])
        for rule in self.rules:
            ranked = rule(ranked, request, k)
        return ranked.first(k)

    def __call__(
        self,
        queries: Mapping[str, tf.Tensor],
        excluded: tf.Tensor,
        request: Mapping[str, tf.Tensor] | None = None,
        k: int | tf.Tensor = 10,
    ) -> Ranked:
        """Returns what each query is shown."""
        request = self._complete(request or {}, tf.shape(excluded)[0])
        more = [rule.excluded(request) for rule in self.rules]
        excluded = tf.concat([excluded, *(part for part in more if part is not None)], axis=1)
        ranked = self.rank(queries, *self.generate(queries, excluded))
        return self.rerank(ranked, request, k)

    def reasons(self, shown: Ranked) -> tf.Tensor:
        """Returns why each item is shown: its generators, and the rules that lifted it.

        Args:
            shown: The lists.

        Returns:
            `[B, K]` strings such as `"tower, popular"`, `""` where there is no item.
        """
        bits = shown.sources
        for i, rule in enumerate(self._explaining, start=len(self.generators)):
            bits += (1 << i) * tf.cast(rule.explains(shown.positions), tf.int32)
        return tf.gather(self._reasons, tf.where(shown.is_item, bits, 0))

    def _complete(
        self, request: Mapping[str, tf.Tensor], queries: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        unknown = sorted(set(request) - set(self.inputs))
        if unknown:
            raise ValueError(
                f"`request` must hold what the rules read, {sorted(self.inputs)}, received "
                f"{unknown}."
            )
        return {
            name: request[name] if name in request else wanted.empty(queries)
            for name, wanted in self.inputs.items()
        }


def _combine(names: Sequence[str]) -> tf.Tensor:
    """Returns `[2^n]` texts: number i names those whose bit is set in i."""
    if len(names) > _MOST_REASONS:
        raise ValueError(
            f"There must be at most {_MOST_REASONS} generators and rules with a reason, received "
            f"{len(names)}: {list(names)}."
        )
    numbers = np.arange(1 << len(names))
    chosen = (", ".join(n for i, n in enumerate(names) if number >> i & 1) for number in numbers)
    return tf.constant(list(chosen))

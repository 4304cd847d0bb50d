"""What both stages of `recipes.two_stage` are trained, chosen and tested on."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext import baselines, data, features, indexes, models, stages, tuning

from . import shared
from .list_ranking import ListRanking
from .retriever_settings import RetrieverSettings
from .rule_options import RuleOptions
from .shown_lists import Shown, draw_lists


@dataclasses.dataclass(frozen=True)
class TwoStageSettings(RetrieverSettings):
    """What one run is told, and the data that its steps share."""

    ranker: str
    candidates: int
    rules: RuleOptions

    @property
    def query_features(self) -> tuple[features.Feature, ...]:
        """The columns of users: generators and rules answer for a user, not for a moment."""
        return self.features.query

    @functools.cached_property
    def test(self) -> data.EvaluationQueries:
        """Questions that are asked once, at the end: fewer, as each is answered by the ranker."""
        part, known = self.split.test, data.join(self.split.train, self.split.validation)
        return data.next_item_queries(part, self.features, history_from=known, max_queries=4_000)

    @functools.cached_property
    def learnt(self) -> data.EvaluationQueries:
        """Rows as questions, for the ranker: what the retriever hasn't learnt from.

        On its own training rows a retriever orders far better than in use, so that a ranker would
        learn to trust it more than it deserves.
        """
        learnt, _ = self._ranker_rows
        most = 3_000 if self.source.smoke else 50_000
        return data.next_item_queries(
            learnt, self.features, history_from=self.split.train, max_queries=most, seed=self.seed
        )

    @functools.cached_property
    def checked(self) -> data.EvaluationQueries:
        """Questions that choose between rankers."""
        learnt, checked = self._ranker_rows
        known = data.join(self.split.train, learnt)
        return data.next_item_queries(checked, self.features, history_from=known, max_queries=5_000)

    @property
    def _ranker_rows(self) -> tuple[data.Frames, data.Frames]:
        """The validation part in two, the later fifth to choose by."""
        part = self.split.validation
        order = np.argsort(part.times(), kind="stable")
        cut = max(1, len(order) * 4 // 5)
        return part.select(np.sort(order[:cut])), part.select(np.sort(order[cut:]))

    @functools.cached_property
    def _known(self) -> dict[str, data.Frames]:
        """What users took, which is no negative of theirs: nothing of the test part.

        The lists to learn on know nothing of the rows to choose by: what a user takes there may
        well be a negative before.
        """
        train, (learnt, _) = self.split.train, self._ranker_rows
        return {
            "train": data.join(train, learnt),
            "validation": data.join(train, self.split.validation),
        }

    @functools.cached_property
    def item_columns(self) -> dict[str, Any]:
        """What the ranker reads of items."""
        return data.item_columns(self.frames, self.features)

    def ranker_space(
        self, scores: Sequence[features.Numeric], list_size: int
    ) -> tuning.RankingHyperModel:
        """The ranker as a function of its hyper-parameters; it reads the generators' scores."""
        item_id, user_id = self.frames.schema.item_id, self.frames.schema.user_id
        columns = (*self.features.query, *self.features.candidate, *scores)
        # Rows are too few for a vector of each user's own, and the history tells as much.
        others = [feature for feature in columns if feature.name != user_id]
        if not models.RANKERS[self.ranker].model.missing_columns(others, item_id, None):
            columns = tuple(others)
        return ListRanking(
            list_size, features=columns, item_id=item_id, user_id=user_id, model=self.ranker
        )

    def make_system(self, retriever: Any, ranker: Any, known: data.Frames) -> stages.TwoStage:
        """Returns all stages, with counts and neighbours of what is known."""
        items = retriever.candidate_model.predict(self.catalogue, verbose=0)
        asked = retriever.query_model.predict(self.validation.queries, 4096, verbose=0)
        count = max(1, min(self.candidates, len(items) // 5))
        index = indexes.build_index(items, None, self.index, k=count, queries=asked[:500])
        near = baselines.nearest_items(data.item_histories(known), len(items))
        ids = self.frames.items[self.frames.schema.item_id].to_numpy()
        similar = stages.SimilarItems(ids, *near, count=max(1, count // 2))
        generators = [
            stages.NearestItems(retriever.query_model, index, count),
            similar,
            stages.PopularItems(_count(known), max(1, count // 4)),
        ]
        scores = [stages.Affinity(retriever.query_model, items), stages.Similarity(similar)]
        read = getattr(ranker, "features", None)
        if read is not None:  # Some rankers, such as NeuMF, read ids alone.
            scores = [score for score in scores if score.column in {f.name for f in read}]
        ranks = stages.ItemRanker(ranker, self.columns_of_items(known), scores)
        return stages.TwoStage(generators, ranks, self.rules.make(self.frames.items, items))

    def columns_of_items(self, known: data.Frames) -> dict[str, Any]:
        """What the ranker reads of items: how popular each one is, beside its own columns."""
        return {
            **self.item_columns,
            "popularity": np.log1p(_count(known)).astype(np.float32),
        }

    def ranker_data(self, retriever: Any) -> tuple[Any, dict[str, Any]]:
        """Returns the ranker's space, and what it learns from: what the generators show."""
        # A ranker that knows nothing: the generators are called alone.
        system = self.make_system(retriever, lambda *_, **__: 0.0, self.split.train)
        scores, items = system.ranker.pair_scores, self.columns_of_items(self.split.train)

        def show(queries: Any, excluded: Any) -> list[Any]:
            positions, _ = system.generate(queries, excluded)
            return [positions, *(score(queries, tf.maximum(positions, 0)) for score in scores)]

        parts, scored = {}, {}
        for name, asked in (("train", self.learnt), ("validation", self.checked)):
            shown, *scored[name] = stages.call_in_batches(show, asked.queries, asked.seen)
            parts[name] = Shown(asked, shown, self._known[name])
        size, lists = draw_lists(parts, self.candidates, self.seed)

        batches, read = {}, {}
        for name, pairs in lists.items():
            more = {
                score.column: column[pairs.queries, pairs.places]
                for score, column in zip(scores, scored[name], strict=True)
            }
            read[name] = {**more, "popularity": items["popularity"][pairs.items]}
            asked = parts[name].asked
            batches[name] = functools.partial(
                data.shown_dataset, asked, pairs, items, more=more, list_size=size
            )
            share = pairs.labels.sum() / len(asked.user_rows)
            shared.say(
                f"the ranker reads {share:.1%} of {name} rows: their item is shown, with "
                f"{size - 1} others"
            )
        numbers = [
            features.Numeric(name, float(column.mean()), float(column.std()) or 1.0)
            for name, column in read["train"].items()
        ]
        return self.ranker_space(numbers, size), {
            "train": functools.partial(batches["train"], seed=self.seed),
            "validation_data": batches["validation"](4096, shuffle=False).cache(),
        }


def _count(known: data.Frames) -> npt.NDArray[np.int64]:
    """Returns how often each item of the table occurs, `[C]`."""
    return np.bincount(known.item_rows(), minlength=len(known.items))

"""What both stages of `recipes.two_stage` are trained, chosen and tested on."""

import dataclasses
import functools
from typing import Any

import numpy as np

from tfrs_ext import baselines, data, features, indexes, stages, tuning

from . import shared
from .retriever_settings import RetrieverSettings
from .rule_options import RuleOptions


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
        """Training rows as questions, for the ranker."""
        train, most = self.split.train, 3_000 if self.source.smoke else 50_000
        nothing = train.select(np.arange(0))
        return data.next_item_queries(
            train, self.features, history_from=nothing, max_queries=most, seed=self.seed
        )

    @functools.cached_property
    def item_columns(self) -> dict[str, Any]:
        """What the ranker reads of items."""
        return data.item_columns(self.frames, self.features)

    def ranker_space(self, affinity: features.Numeric) -> tuning.RankingHyperModel:
        """The ranker as a function of its hyper-parameters; it reads the retriever's score."""
        columns, schema = self.features.query + self.features.candidate, self.frames.schema
        columns = (*columns, affinity)
        return tuning.RankingHyperModel(columns, schema.item_id, schema.user_id, self.ranker)

    def make_system(self, retriever: Any, ranker: Any, known: data.Frames) -> stages.TwoStage:
        """Returns all stages, with counts and neighbours of what is known."""
        items = retriever.candidate_model.predict(self.catalogue, verbose=0)
        asked = retriever.query_model.predict(self.validation.queries, 4096, verbose=0)
        count = min(self.candidates, len(items) // 5)
        index = indexes.build_index(items, None, self.index, k=count, queries=asked[:500])
        near = baselines.nearest_items(data.item_histories(known), len(items))
        ids = self.frames.items[self.frames.schema.item_id].to_numpy()
        counts = np.bincount(known.item_rows(), minlength=len(items))
        generators = [
            stages.NearestItems(retriever.query_model, index, count),
            stages.SimilarItems(ids, *near, count=max(1, count // 2)),
            stages.PopularItems(counts, max(1, count // 4)),
        ]
        affinity = stages.Affinity(retriever.query_model, items)
        ranks = stages.ItemRanker(ranker, self.item_columns, affinity)
        return stages.TwoStage(generators, ranks, self.rules.make(self.frames.items, items))

    def ranker_data(self, retriever: Any) -> tuple[Any, dict[str, Any]]:
        """Returns the ranker's space, and what it learns from: what the generators show."""
        # A ranker that knows nothing: the generators are called alone.
        system = self.make_system(retriever, lambda *_, **__: 0.0, self.split.train)
        items = retriever.candidate_model.predict(self.catalogue, verbose=0)
        batches, scores = {}, {}
        for name, asked in (("train", self.learnt), ("validation", self.validation)):
            shown, _ = stages.call_in_batches(system.generate, asked.queries, asked.seen)
            pairs = data.draw_shown_pairs(asked, shown, known=self.frames, seed=self.seed)
            users = retriever.query_model.predict(asked.queries, 4096, verbose=0)
            scores[name] = np.sum(users[pairs.queries] * items[pairs.items], axis=1)
            batches[name] = functools.partial(
                data.shown_dataset, asked, pairs, self.item_columns, more={"affinity": scores[name]}
            )
            share = pairs.labels.sum() / len(shown)
            shared.say(f"the ranker reads {share:.1%} of {name} rows: their item is shown")
        mean, std = float(scores["train"].mean()), float(scores["train"].std())
        return self.ranker_space(features.Numeric("affinity", mean, std)), {
            "train": functools.partial(batches["train"], seed=self.seed),
            "validation_data": batches["validation"](4096, shuffle=False).cache(),
        }

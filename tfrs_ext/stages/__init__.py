"""Two stages as one recommender: generators bring items, a model ranks them, rules re-rank them."""

from tfrs_ext.stages.affinity import Affinity
from tfrs_ext.stages.generator import Generator
from tfrs_ext.stages.in_batches import call_in_batches
from tfrs_ext.stages.item_ranker import ItemRanker
from tfrs_ext.stages.merging import merge_found
from tfrs_ext.stages.nearest_items import NearestItems
from tfrs_ext.stages.pair_score import PairScore
from tfrs_ext.stages.popular_items import PopularItems
from tfrs_ext.stages.similar_items import SimilarItems
from tfrs_ext.stages.similarity import Similarity
from tfrs_ext.stages.stage_evaluation import StageEvaluation, evaluate_stages
from tfrs_ext.stages.timing import time_stages
from tfrs_ext.stages.two_stage import TwoStage

__all__ = [
    "Affinity",
    "Generator",
    "ItemRanker",
    "NearestItems",
    "PairScore",
    "PopularItems",
    "SimilarItems",
    "Similarity",
    "StageEvaluation",
    "TwoStage",
    "call_in_batches",
    "evaluate_stages",
    "merge_found",
    "time_stages",
]

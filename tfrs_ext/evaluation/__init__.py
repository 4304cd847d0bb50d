"""Evaluation of rankings and embeddings: results for every query, and comparisons."""

from tfrs_ext.evaluation.calibration import RetrievalCalibration, retrieval_calibration
from tfrs_ext.evaluation.diversity import intra_list_diversity
from tfrs_ext.evaluation.exposure import catalog_coverage, exposure_gini
from tfrs_ext.evaluation.geometry import (
    alignment,
    effective_rank,
    norm_popularity_correlation,
    uniformity,
)
from tfrs_ext.evaluation.groups import evaluate_by_group, popularity_groups
from tfrs_ext.evaluation.interval import Interval
from tfrs_ext.evaluation.predictions import evaluate_predictions
from tfrs_ext.evaluation.rankings import evaluate_rankings
from tfrs_ext.evaluation.relative_improvement import rela_impr
from tfrs_ext.evaluation.reliability_diagram import reliability
from tfrs_ext.evaluation.result_comparison import compare_results
from tfrs_ext.evaluation.retrieval import evaluate_retrieval
from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.evaluation.scores import evaluate_scores
from tfrs_ext.evaluation.seed_comparison import compare_seeds
from tfrs_ext.evaluation.surprise import novelty, serendipity
from tfrs_ext.evaluation.top_lists import top_candidates

__all__ = [
    "Interval",
    "RetrievalCalibration",
    "RetrievalResult",
    "alignment",
    "catalog_coverage",
    "compare_results",
    "compare_seeds",
    "effective_rank",
    "evaluate_by_group",
    "evaluate_predictions",
    "evaluate_rankings",
    "evaluate_retrieval",
    "evaluate_scores",
    "exposure_gini",
    "intra_list_diversity",
    "norm_popularity_correlation",
    "novelty",
    "popularity_groups",
    "rela_impr",
    "reliability",
    "retrieval_calibration",
    "serendipity",
    "top_candidates",
    "uniformity",
]

"""Exact evaluation of retrieval and ranking."""

from tfrs_ext.metrics.calibration_ratio import CalibrationRatio
from tfrs_ext.metrics.compare_results import compare_results
from tfrs_ext.metrics.compare_seeds import compare_seeds
from tfrs_ext.metrics.diversity import intra_list_diversity
from tfrs_ext.metrics.evaluate_rankings import evaluate_rankings
from tfrs_ext.metrics.evaluate_retrieval import evaluate_retrieval
from tfrs_ext.metrics.evaluate_scores import evaluate_scores
from tfrs_ext.metrics.expected_calibration_error import ExpectedCalibrationError
from tfrs_ext.metrics.exposure import catalog_coverage, exposure_gini
from tfrs_ext.metrics.factorized_top_k import FactorizedTopK
from tfrs_ext.metrics.gauc import GAUC
from tfrs_ext.metrics.geometry import (
    alignment,
    effective_rank,
    norm_popularity_correlation,
    uniformity,
)
from tfrs_ext.metrics.normalized_entropy import NormalizedEntropy
from tfrs_ext.metrics.popularity_groups import evaluate_by_group, popularity_groups
from tfrs_ext.metrics.rela_impr import rela_impr
from tfrs_ext.metrics.retrieval_calibration import (
    RetrievalCalibration,
    retrieval_calibration,
)
from tfrs_ext.metrics.retrieval_evaluation import RetrievalEvaluation
from tfrs_ext.metrics.retrieval_result import Interval, RetrievalResult
from tfrs_ext.metrics.surprise import novelty, serendipity

__all__ = [  # noqa: RUF022 (sorted as Python sorts: ruff puts GAUC first)
    "CalibrationRatio",
    "ExpectedCalibrationError",
    "FactorizedTopK",
    "GAUC",
    "Interval",
    "NormalizedEntropy",
    "RetrievalCalibration",
    "RetrievalEvaluation",
    "RetrievalResult",
    "alignment",
    "catalog_coverage",
    "compare_results",
    "compare_seeds",
    "effective_rank",
    "evaluate_by_group",
    "evaluate_rankings",
    "evaluate_retrieval",
    "evaluate_scores",
    "exposure_gini",
    "intra_list_diversity",
    "norm_popularity_correlation",
    "novelty",
    "popularity_groups",
    "rela_impr",
    "retrieval_calibration",
    "serendipity",
    "uniformity",
]

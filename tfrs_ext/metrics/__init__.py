"""Keras metrics of retrieval and ranking."""

from tfrs_ext.metrics.calibration_ratio import CalibrationRatio
from tfrs_ext.metrics.candidate_ids import has_candidate_ids
from tfrs_ext.metrics.expected_calibration_error import ExpectedCalibrationError
from tfrs_ext.metrics.factorized_top_k import FactorizedTopK
from tfrs_ext.metrics.gauc import GAUC
from tfrs_ext.metrics.normalized_entropy import NormalizedEntropy

__all__ = [  # noqa: RUF022 (sorted as Python sorts: ruff puts GAUC first)
    "CalibrationRatio",
    "ExpectedCalibrationError",
    "FactorizedTopK",
    "GAUC",
    "NormalizedEntropy",
    "has_candidate_ids",
]

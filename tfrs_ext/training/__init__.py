"""Trainings that go on where they were interrupted."""

from tfrs_ext.training.progress import TrainingError, TrainingProgress, read_history
from tfrs_ext.training.resumable import fit_resumable

__all__ = ["TrainingError", "TrainingProgress", "fit_resumable", "read_history"]

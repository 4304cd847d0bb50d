"""Trainings that go on where they were interrupted."""

from tfrs_ext.training.progress import TrainingError, TrainingProgress, read_history
from tfrs_ext.training.resumable import fit_resumable
from tfrs_ext.training.workers import WorkerError, launch_workers

__all__ = [
    "TrainingError",
    "TrainingProgress",
    "WorkerError",
    "fit_resumable",
    "launch_workers",
    "read_history",
]

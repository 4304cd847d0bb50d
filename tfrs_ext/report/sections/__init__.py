"""The parts of the page, each from a `Run` or None where the run has nothing for it."""

from collections.abc import Callable

from tfrs_ext.report._blocks import Section
from tfrs_ext.report.run import Run
from tfrs_ext.report.sections.accuracy import accuracy
from tfrs_ext.report.sections.fairness import fairness
from tfrs_ext.report.sections.index import index
from tfrs_ext.report.sections.origin import origin
from tfrs_ext.report.sections.samples import samples
from tfrs_ext.report.sections.search import search
from tfrs_ext.report.sections.training import training

ALL: tuple[Callable[[Run], Section | None], ...] = (
    accuracy,
    fairness,
    samples,
    training,
    search,
    index,
    origin,
)

__all__ = ["ALL"]

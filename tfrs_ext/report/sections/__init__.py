"""The parts of the page, each from a `RunSummary` or None where the run has nothing for it."""

from collections.abc import Callable

from tfrs_ext.report.blocks import Section
from tfrs_ext.report.run_summary import RunSummary
from tfrs_ext.report.sections.accuracy import accuracy_section
from tfrs_ext.report.sections.arms import arms_section
from tfrs_ext.report.sections.calibration import calibration_section
from tfrs_ext.report.sections.fairness import fairness_section
from tfrs_ext.report.sections.index import index_section
from tfrs_ext.report.sections.origin import origin_section
from tfrs_ext.report.sections.samples import samples_section
from tfrs_ext.report.sections.search import search_section
from tfrs_ext.report.sections.training import training_section

ALL: tuple[Callable[[RunSummary], Section | None], ...] = (
    accuracy_section,
    calibration_section,
    arms_section,
    fairness_section,
    samples_section,
    training_section,
    search_section,
    index_section,
    origin_section,
)

__all__ = ["ALL"]

"""Recommendations to look at."""

from tfrs_ext.report.blocks import Samples, Section
from tfrs_ext.report.run_summary import RunSummary


def samples_section(run: RunSummary) -> Section | None:
    """Returns the lists of some users."""
    if not run.samples:
        return None
    text = (
        "Figures say how often, these lists say what. Users were drawn by chance from the test "
        "part; what they took next is marked where the model found it."
    )
    return Section("samples", "Sample recommendations", text, [Samples(run.samples)])

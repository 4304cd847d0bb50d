"""Pages that show a run: an HTML report and a model card."""

from tfrs_ext.report.html_report import render_report, write_report
from tfrs_ext.report.markdown_card import model_card
from tfrs_ext.report.random_forest import Importance, importance
from tfrs_ext.report.run_summary import RunSummary
from tfrs_ext.report.tensorboard_logs import log_embeddings, log_trials

__all__ = [
    "Importance",
    "RunSummary",
    "importance",
    "log_embeddings",
    "log_trials",
    "model_card",
    "render_report",
    "write_report",
]

"""Pages that show a run: an HTML report and a model card."""

from tfrs_ext.report.bandit_evidence import policy_evidence
from tfrs_ext.report.evidence import retrieval_evidence
from tfrs_ext.report.group_metrics import metric_by_group, recall_by_group
from tfrs_ext.report.html_report import render_report, write_report
from tfrs_ext.report.list_measures import exposure_by_popularity, measure_lists
from tfrs_ext.report.markdown_card import model_card
from tfrs_ext.report.random_forest import Importance, importance
from tfrs_ext.report.run_summary import RunSummary
from tfrs_ext.report.shown_lists import item_titles, sample_lists
from tfrs_ext.report.tensorboard_logs import log_embeddings, log_trials

__all__ = [
    "Importance",
    "RunSummary",
    "exposure_by_popularity",
    "importance",
    "item_titles",
    "log_embeddings",
    "log_trials",
    "measure_lists",
    "metric_by_group",
    "model_card",
    "policy_evidence",
    "recall_by_group",
    "render_report",
    "retrieval_evidence",
    "sample_lists",
    "write_report",
]

"""The page of a model that ranks: calibration, and which figure is best."""

from tfrs_ext import report
from tfrs_ext.report.sections.accuracy import accuracy_tables
from tfrs_ext.report.sections.calibration import calibration_section

POINTS = [
    {"prediction": 0.2, "label": 0.1, "rows": 30.0},
    {"prediction": 0.8, "label": 0.9, "rows": 10.0},
]


def test_reliability_is_drawn_with_its_error():
    run = report.RunSummary(title="Ranking", calibration={"model": POINTS, "other": []})
    section = calibration_section(run)
    (chart,) = section.blocks
    assert "0.100 away" in chart.text
    assert "40 rows" in chart.text
    assert [row[0].text for row in chart.data.rows] == ["0", "0.2", "0.8", "1"]
    assert calibration_section(report.RunSummary(title="Films")) is None


def test_of_losses_the_least_is_best():
    metrics = {"a": {"auc": 0.8, "log_loss": 0.3}, "b": {"auc": 0.7, "log_loss": 0.6}}
    (table,) = accuracy_tables(report.RunSummary(title="Ranking", metrics=metrics))
    assert [[cell.strong for cell in row[1:]] for row in table.rows] == [[True] * 2, [False] * 2]

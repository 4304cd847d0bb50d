"""Whether probabilities are what they say."""

from tfrs_ext.report.blocks import Section
from tfrs_ext.report.charts.lines import Line, line_chart
from tfrs_ext.report.estimates import estimate
from tfrs_ext.report.run_summary import RunSummary


def calibration_section(run: RunSummary) -> Section | None:
    """Returns the reliability diagram."""
    lines = [
        Line(
            model,
            [point["prediction"] for point in points],
            [estimate(point["label"]) for point in points],
        )
        for model, points in run.calibration.items()
        if points
    ]
    if not lines:
        return None
    model, points = next((name, found) for name, found in run.calibration.items() if found)
    rows = sum(point["rows"] for point in points)
    error = sum(abs(p["prediction"] - p["label"]) * p["rows"] for p in points) / rows
    text = (
        f"Predictions of {model} are {error:.3f} away from what came true, in the mean over "
        f"{rows:,.0f} rows (the expected calibration error)."
    )
    ideal = Line("as predicted", [0.0, 1.0], [estimate(0.0), estimate(1.0)])
    labels = ("mean prediction", "share that came true")
    chart = line_chart("reliability", "Reliability", text, [*lines, ideal], labels)
    what = (
        "A point stands for rows of similar predictions. Above the straight line more came true "
        "than was predicted, below it less."
    )
    return Section("calibration", "Calibration", what, [chart])

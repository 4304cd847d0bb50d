"""The run in one sentence."""

from tfrs_ext.report.estimates import (
    bounds_text,
    decimal,
    estimate,
    headline,
    metric_name,
)
from tfrs_ext.report.run_summary import RunSummary


def verdict(run: RunSummary) -> str:
    """Returns what the deciding metric is, and how far it is from the strongest baseline."""
    if not run.metrics:
        return ""
    (model, ours), *others = run.metrics.items()
    name = headline(ours, run.objective)
    if name is None:
        return ""
    value = estimate(ours[name])
    sentence = f"{metric_name(name)} of {model}: {decimal(value.mean)} {bounds_text(value)}"
    rivals = {other: estimate(theirs[name]).mean for other, theirs in others if name in theirs}
    if not rivals:
        return f"{sentence.strip()}."
    best = max(rivals, key=lambda other: rivals[other])
    sentence = f"{sentence.strip()}; {best}, the strongest baseline: {decimal(rivals[best])}."
    lead = run.differences.get(best, {}).get(name)
    if lead is None:
        return sentence
    difference = estimate(lead)
    if difference.low > 0:
        end = "more than the luck of the queries"
    elif difference.high < 0:
        end = "less than the baseline, beyond the luck of the queries"
    else:
        end = "which may be luck"
    return f"{sentence} Difference {decimal(difference.mean)} {bounds_text(difference)}, {end}."

"""What the search tried, and what it says about hyper-parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfrs_ext.report.blocks import Cell, Chart, Section, Table, cell
from tfrs_ext.report.charts.bars import bar_chart
from tfrs_ext.report.charts.parallel import parallel_chart
from tfrs_ext.report.estimates import estimate, metric_name, number
from tfrs_ext.report.random_forest import importance
from tfrs_ext.report.run_summary import RunSummary

_MIN_TRIALS, _SHOWN = 10, 10


def search_section(run: RunSummary) -> Section | None:
    """Returns importance, parallel coordinates and the table of trials."""
    if not run.trials:
        return None
    sign = 1 if run.direction == "max" else -1
    done = sorted(
        (trial for trial in run.trials if trial["score"] is not None),
        key=lambda trial: -sign * trial["score"],
    )
    rest = [trial for trial in run.trials if trial["score"] is None]
    names = sorted({name for trial in run.trials for name in trial["values"]})
    table = _table(run, [*done, *rest], names)
    blocks: list[Table | Chart] = []
    if len(done) > 1:
        blocks.append(_parallel(run, done, names, table))
    words, chart = _importance(done)
    blocks += [chart] if chart else []
    words_of = "Trials" if len(table.rows) <= _SHOWN else f"The best {_SHOWN} trials"
    blocks.append(Table(words_of, table.head, table.rows[:_SHOWN]))
    stopped = sum(trial.get("stopped") is not None for trial in done)
    text = (
        f"{len(done)} of {len(run.trials)} trials have a score, {stopped} of them ended early. "
        f"The search looked for {_direction(run)} {metric_name(run.objective)} on the validation "
        f"part. {words}"
    )
    return Section("search", "Search", text, blocks)


def _direction(run: RunSummary) -> str:
    return "the highest" if run.direction == "max" else "the lowest"


def _importance(done: Sequence[Mapping[str, Any]]) -> tuple[str, Chart | None]:
    found = importance(done, _MIN_TRIALS)
    if found is None:
        return (
            f"That is too few trials to say which hyper-parameters matter: {_MIN_TRIALS} is the "
            "least, and a few dozen say more.",
            None,
        )
    if found.explained <= 0:
        return (
            "Scores of trials that a random forest didn't see can't be predicted from the values "
            f"(R² {found.explained:.2f}), so nothing is said about which of them matter.",
            None,
        )
    shares = {name: estimate(share) for name, share in found.shares.items()}
    best = max(shares, key=lambda name: shares[name].mean)
    text = (
        f"Share of the scores' variance, by a random forest over {found.trials} trials that "
        f"explains {max(found.explained, 0):.0%} of trials that it didn't see; {best} has the "
        f"largest, {shares[best].mean:.0%}. Lines are the quartiles over the trees. A share says "
        "how much a value moves the score, not which value is good."
    )
    return "", bar_chart("importance", "Importance of hyper-parameters", text, shares, "share")


def _parallel(
    run: RunSummary, done: Sequence[Mapping[str, Any]], names: Sequence[str], table: Table
) -> Chart:
    columns = {
        name: [trial["values"].get(name) for trial in done]
        for name in names
        if len({str(trial["values"].get(name)) for trial in done}) > 1
    }
    score = metric_name(run.objective) or "score"
    columns = {score: [float(trial["score"]) for trial in done], **columns}
    chosen = {name: values[0] for name, values in columns.items() if values[0] is not None}
    best = ", ".join(f"{name} {number(value)}" for name, value in chosen.items())
    text = (
        f"Every line is a trial, from its score at the top through its values; the three best are "
        f"coloured, and a line breaks where a trial has no such value. The best: {best}."
    )
    data = Table("Trials", table.head, table.rows, is_folded=True)
    return parallel_chart("parallel", "Trials and their values", text, columns, data)


def _table(run: RunSummary, trials: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    rows = [
        [
            Cell(str(trial.get("trial", place)), strong=place == 0),
            cell(
                trial.get("status", "failed").lower()
                if trial["score"] is None
                else estimate(trial["score"]),
                strong=place == 0,
            ),
            Cell(_epochs(trial)),
            Cell(number(trial["seconds"]) if "seconds" in trial else ""),
            Cell(trial.get("stopped") or trial.get("error") or ""),
            *(cell(trial["values"].get(name, "")) for name in names),
        ]
        for place, trial in enumerate(trials)
    ]
    words = [name.replace("_", " ") for name in names]
    score = metric_name(run.objective) or "score"
    head = ["trial", score, "best epoch", "seconds", "ended by", *words]
    return Table("Trials", head, rows)


def _epochs(trial: Mapping[str, Any]) -> str:
    best = trial.get("best_epoch")
    return "" if best is None else f"{best} of {trial.get('epochs')}"

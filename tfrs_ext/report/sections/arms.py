"""What a bandit has learnt about its arms: effects, recovery, and how often each is chosen."""

from tfrs_ext.report.blocks import Cell, Chart, Section, Table, cell
from tfrs_ext.report.charts.bars import bar_chart
from tfrs_ext.report.charts.lines import Line, line_chart
from tfrs_ext.report.estimates import estimate
from tfrs_ext.report.run_summary import RunSummary

_DAYS = (0, 1, 2, 4, 7, 10, 14, 21, 30, 45, 60)


def arms_section(run: RunSummary) -> Section | None:
    """Returns the charts of effects and of recovery, and the table of choices."""
    blocks: list[Table | Chart] = []
    if run.arm_effects:
        effects = {arm: estimate(value) for arm, value in run.arm_effects.items()}
        clear = sum(value.excludes_zero for value in effects.values())
        text = (
            "How much more comes with an arm than without it, as a share; lines are 95% "
            f"intervals. {clear} of {len(effects)} arms differ from the others beyond luck."
        )
        title = "Relative difference of each arm"
        blocks.append(bar_chart("arm-effects", title, text, effects, "share of the reward"))
    if run.recovery:
        blocks.append(_recovery(run))
    blocks += arm_tables(run)
    if not blocks:
        return None
    text = "What the bandit knows: its arms, what repetition costs, and what it does with that."
    return Section("arms", "Arms", text, blocks)


def arm_tables(run: RunSummary) -> list[Table]:
    """Returns how often each policy chooses each arm."""
    if not run.arm_shares:
        return []
    arms = list(dict.fromkeys(arm for shares in run.arm_shares.values() for arm in shares))
    rows = [
        [Cell(arm)] + [cell(shares.get(arm, "")) for shares in run.arm_shares.values()]
        for arm in arms
    ]
    return [Table("Share of choices by arm", ["", *run.arm_shares], rows)]


def _recovery(run: RunSummary) -> Chart:
    loss, half_life = (estimate(run.recovery[name]) for name in ("loss", "half_life"))
    values = []
    for day in _DAYS:
        left = 0.5 ** (day / half_life.mean)
        values.append(estimate([left * loss.mean, left * loss.low, left * loss.high]))
    text = (
        f"A message that was just seen loses {loss.mean:.1%} of the reward; half of the loss is "
        f"gone after {half_life.mean:.1f} days (95% interval {half_life.low:.1f} to "
        f"{half_life.high:.1f}). The band is that of the loss alone."
    )
    line = Line("loss", list(_DAYS), values)
    labels = ("days since the user saw it", "loss, share of the reward")
    return line_chart("recovery", "Recovery", text, [line], labels)

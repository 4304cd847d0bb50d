"""What a report and a model card are made from."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSummary:
    """The plain facts of one run; what is missing is left out of the report.

    Nothing here is an object of the library: everything comes from JSON files and CSV tables as
    well as from a process that has just trained.

    Args:
        title: The report's title.
        facts: `{name: value}` about data, split and protocol, in the order to be shown.
        metrics: `{model: {metric: value}}`, the model first and its baselines after it; a value is
            a mean or `(mean, low, high)`, as `evaluation.compare_results` gives.
        differences: `{baseline: {metric: (mean, low, high)}}`, the model's lead, paired.
        history: `{column: values}` of the epochs of training, such as a table of Keras's
            `CSVLogger`; `loss`, metrics, `temperature`, and `log_q…` are drawn.
        groups: `{title: {model: {group: value}}}`: a metric apart for parts of the queries or of
            the catalogue, such as deciles of popularity, or cold users.
        measures: `{model: {measure: value}}` beyond accuracy: coverage, novelty and the like.
        trials: Rows of a search, each with `values`, `score` and more, as
            `tuning.SearchResult.trials` has them.
        objective: What the search was for, such as `val_ndcg_at_10`.
        direction: `"max"` or `"min"`.
        hyperparameters: `{name: value}` of the model.
        index: `{name: value}` of the published index: `kind`, `recall`, settings, and `frontier`,
            records with `recall` and `milliseconds`, as `indexes.ScaNN.tune` returns.
        calibration: `{model: points}` of a reliability diagram, as `evaluation.reliability` gives.
        samples: Recommendations to look at: `{"query", "history": [title], "items": [{"title",
            "score", "found"}]}`, `found` where the item was what the query should find.
        arm_effects: `{arm: (mean, low, high)}`, what a bandit's arms are worth, as shares.
        arm_shares: `{policy: {arm: share}}`, how often policies choose arms.
        recovery: `loss` and `half_life` in days, each `(mean, low, high)`: what a message loses
            that was just seen, as a share, and how fast that passes.
        versions: `{package: version}`.
        seed: The seed of the run.
        fingerprint: The fingerprint of the published files, or of the data.
        limits: Sentences about what the figures don't say.

    Example:
        >>> run = RunSummary(title="Films", metrics={"model": {"recall_at_10": (0.2, 0.18, 0.22)}})
        >>> run.title, run.trials
        ('Films', ())
    """

    title: str
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    differences: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    history: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Mapping[str, Any]]] = dataclasses.field(default_factory=dict)
    measures: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    trials: Sequence[Mapping[str, Any]] = ()
    objective: str = ""
    direction: str = "max"
    hyperparameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    index: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    calibration: Mapping[str, Sequence[Mapping[str, float]]] = dataclasses.field(
        default_factory=dict
    )
    samples: Sequence[Mapping[str, Any]] = ()
    arm_effects: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    arm_shares: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    recovery: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int | None = None
    fingerprint: str = ""
    limits: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.direction not in ("max", "min"):
            raise ValueError(f'`direction` must be "max" or "min", received {self.direction!r}.')

"""The steps of `recipes.retrieval` where `--model` is a baseline: it is fitted, not trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

import tfrs_ext
from tfrs_ext import baselines, data, evaluation, files, report, serving, tuning

from . import shared

if TYPE_CHECKING:
    from .retriever_settings import RetrieverSettings

CURVE = (1, 2, 5, 10, 20, 50, 100)
COLUMNS = [f"{metric}_at_{k}" for metric in ("ndcg", "recall") for k in (10, 100)]


def tune(settings: RetrieverSettings) -> None:
    """Step 1: tries arguments at random; writes trials.json and hparams.json."""
    variant, hp = baselines.BASELINES[settings.model], tuning.HyperParameters()
    variant.search_space(hp)
    tried: dict[str, dict[str, Any]] = {}
    for trial in range(settings.trials):
        # The first trial is the defaults.
        seed = settings.seed + trial
        values = {p.name: p.random_sample(seed) for p in hp.space} if trial else dict(hp.values)
        if str(values) not in tried:
            baseline, asked = _fit(settings, values), settings.validation
            score = _judge(settings, baseline, asked)["ndcg_at_10"]
            tried[str(values)] = {"values": values, "score": score}
            shared.say(f"trial {len(tried)}: ndcg@10 {score:.4f} with {values}")
    trials = list(tried.values())
    files.write_json(settings.runs / "trials.json", trials)
    best = max(trials, key=lambda row: row["score"])
    files.write_json(settings.runs / "hparams.json", best["values"])


def train(settings: RetrieverSettings) -> None:
    """Step 2: fits with them; writes model.keras, metrics.json and report.html."""
    # 2.1 Fit.
    values = shared.read_mapping(settings.runs / "hparams.json")
    (settings.runs / "model.keras").unlink(missing_ok=True)
    facts = {"hyperparameters": values, "seed": settings.seed, "tfrs_ext": tfrs_ext.__version__}
    files.write_json(settings.runs / "trained.json", facts)
    model = _fit(settings, values)

    # 2.2 Compare with other baselines on the test part; what a user has seen doesn't compete.
    rivals = fit_rivals(settings, leave_out=settings.model)
    asked = settings.test
    results = {"model": _judge(settings, model, asked), **judge_rivals(settings, rivals)}

    # 2.3 Write what was found, and keep the baseline if it is better than chance.
    results["model"].save(settings.runs / "results.npz")
    evidence = report.retrieval_evidence(
        settings.split.train,
        asked,
        results,
        None,
        None,
        rivals,
        settings.seed,
        model=_scorer(settings, model, asked),
    )
    facts = settings.describe_data()
    files.write_json(settings.runs / "evaluation.json", {"facts": facts, **evidence})
    summaries = {name: result.summary() for name, result in results.items()}
    rival = ["random"] if "random" in rivals else []
    shared.accept(settings, model, summaries, COLUMNS, rivals=rival, summary=settings.summarize())


def export(settings: RetrieverSettings) -> None:
    """Step 3: publishes a version whose users are as they were at the end of the data."""
    path = settings.runs / "model.keras"
    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `train` first")
    frames, schema = settings.frames, settings.frames.schema
    baseline = baselines.Baseline.load(path)
    users = {schema.user_id: frames.users[schema.user_id].to_numpy()}
    if baseline.reads_groups:
        users[baseline.group] = _groups(settings, np.arange(len(frames.users)))
    version = serving.export_baseline(
        settings.base,
        baseline,
        serving.Items(
            {schema.item_id: frames.items[schema.item_id].to_numpy()},
            item_id=schema.item_id,
            fields=shared.titles(frames),
        ),
        serving.Users(users, user_id=schema.user_id, seen=data.seen_items(frames)),
        facts=shared.manifest_facts(settings),
        model_card=lambda manifest: report.model_card(settings.summarize(manifest)),
    )
    shared.write_report(settings, settings.summarize(serving.read_manifest(version)))
    shared.say(f"published {version}")


def fit_rivals(settings: RetrieverSettings, leave_out: str = "") -> dict[str, baselines.Baseline]:
    """Returns the usual baselines, fitted to the training part."""
    train = settings.split.train
    rivals = baselines.fit_baselines(
        data.item_histories(train),
        len(settings.frames.items),
        settings.seed,
        times=None if train.schema.timestamp is None else data.history_times(train),
    )
    return {name: rival for name, rival in rivals.items() if name != leave_out}


def judge_rivals(
    settings: RetrieverSettings, rivals: dict[str, baselines.Baseline]
) -> dict[str, evaluation.RetrievalResult]:
    """Returns how well baselines do on the test part, and what planted preferences would."""
    asked, truth = settings.test, settings.source.truth()
    results = {name: _judge(settings, rival, asked) for name, rival in rivals.items()}
    if truth is not None:
        results["planted truth"] = evaluation.evaluate_scores(
            lambda users: truth.log_preferences[users],
            asked.user_rows,
            asked.positives,
            asked.seen,
            CURVE,
            num_candidates=len(settings.frames.items),
        )
    return results


def _fit(settings: RetrieverSettings, values: dict[str, Any]) -> baselines.Baseline:
    """Returns the baseline that `--model` names, fitted to the training part."""
    variant, train = baselines.BASELINES[settings.model], settings.split.train
    arguments = variant.search_space(tuning.fixed(values)) if values else {}
    groups = None
    if variant.model.reads_groups:
        groups = _groups(settings, np.arange(len(train.users)))
        arguments["group"] = _group_column(settings)
    baseline = variant.build(len(settings.frames.items), **arguments)
    return baseline.fit(
        data.item_histories(train),
        times=data.history_times(train) if baseline.reads_times else None,
        groups=groups,
        print_fn=shared.say,
    )


def _judge(
    settings: RetrieverSettings, baseline: baselines.Baseline, asked: data.EvaluationQueries
) -> evaluation.RetrievalResult:
    queries: Any = asked.histories
    if baseline.reads_groups:
        queries = (asked.histories, _groups(settings, asked.user_rows))
    return evaluation.evaluate_scores(
        (lambda part: baseline(*part)) if baseline.reads_groups else baseline,
        queries,
        asked.positives,
        asked.seen,
        CURVE,
        num_candidates=len(settings.frames.items),
    )


def _scorer(
    settings: RetrieverSettings, baseline: baselines.Baseline, asked: data.EvaluationQueries
) -> Any:
    """Returns what scores histories; lists of a baseline by group are those of no group."""
    if not baseline.reads_groups:
        return baseline
    return lambda histories: baseline(histories, tf.fill([histories.nrows()], ""))


def _group_column(settings: RetrieverSettings) -> str:
    """Returns the users' first feature that says a kind of user."""
    features = settings.frames.schema.user_features
    named = [name for name, kind in features.items() if "categorical" in (kind, _kind(kind))]
    if not named:
        raise ValueError(
            f"`--model {settings.model}` needs a categorical feature of users, such as "
            "`--user-feature country=categorical`"
        )
    return named[0]


def _kind(kind: Any) -> str:
    return kind if isinstance(kind, str) else kind.get("kind", "")


def _groups(settings: RetrieverSettings, rows: np.ndarray) -> np.ndarray:
    column = settings.frames.users[_group_column(settings)].astype(str).to_numpy(object)
    return column[rows]

"""A server's logged answers, read back as impressions."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext.typing import PathLike


def read_impressions(folder: PathLike, user_id: str = "user_id") -> pd.DataFrame:
    r"""Returns what was shown, one row for each item of each answer that a server has logged.

    Args:
        folder: What `rest.create_app(answer_log=…)` or `--answer-log` was given.
        user_id: The name of the input with the users' ids. Requests without it are left out.

    Returns:
        Columns `user_id` (under the name given), `item_id`, `position` (from 1), `score`,
        `timestamp` (whole seconds), `model`, `version` and `answer`, a number for each answer,
        in order of time. A last line that a killed process left unfinished is passed over.

    Raises:
        ValueError: There is no log in the folder, or a line isn't as the server writes it.

    Relations:
        `label_impressions` says which of them were taken; the ranking recipe trains on that.

    Example:
        >>> import tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> line = {"time": "2026-01-01T00:00:01+00:00", "model": "m", "version": 3,
        ...         "request": {"user_id": 7}, "items": [4, 5], "scores": [0.5, 0.25],
        ...         "positions": [1, 2]}
        >>> _ = (folder / "answers-2026-01-01-1.jsonl").write_text(json.dumps(line) + "\n")
        >>> shown = read_impressions(folder)
        >>> shown[["user_id", "item_id", "position", "timestamp"]].values.tolist()
        [[7, 4, 1, 1767225601], [7, 5, 2, 1767225601]]
    """
    files = sorted(pathlib.Path(folder).glob("answers-*.jsonl"))
    if not files:
        raise ValueError(
            f"`folder` must hold answers-*.jsonl files of a server, received {str(folder)!r}: "
            "start it with `--answer-log FOLDER`."
        )
    answers = [line for file in files for line in _lines(file) if user_id in line["request"]]
    table = pd.DataFrame(
        {
            user_id: [answer["request"][user_id] for answer in answers],
            "item_id": [answer["items"] for answer in answers],
            "position": [answer["positions"] for answer in answers],
            "score": [answer["scores"] or [None] * len(answer["items"]) for answer in answers],
            "time": pd.to_datetime(
                [answer["time"] for answer in answers], utc=True, format="ISO8601"
            ),
            "model": [answer["model"] for answer in answers],
            "version": [answer["version"] for answer in answers],
        }
    )
    table = table.sort_values("time", kind="stable", ignore_index=True)
    # The unit of times depends on pandas and on the texts.
    table["timestamp"] = table.pop("time").dt.as_unit("s").astype("int64")
    table["answer"] = range(len(table))
    table = table.explode(["item_id", "position", "score"], ignore_index=True)
    table = table.dropna(subset=["item_id"]).reset_index(drop=True).infer_objects()
    return table.astype({"position": "int64", "score": "float64"})


def _lines(file: pathlib.Path) -> Iterator[dict[str, Any]]:
    with open(file, encoding="utf-8") as stream:
        for number, text in enumerate(stream, start=1):
            try:
                line = json.loads(text)
                missing = {"time", "request", "items", "positions", "scores"} - set(line)
            except (ValueError, TypeError) as error:
                if not text.endswith("\n"):
                    return  # The process was killed while it wrote.
                raise ValueError(
                    f"{file}, line {number}, must be JSON, received {error}."
                ) from error
            if missing:
                raise ValueError(
                    f"{file}, line {number}, must be as the server writes it, received one "
                    f"without {sorted(missing)}."
                )
            yield line


def label_impressions(
    impressions: pd.DataFrame,
    interactions: pd.DataFrame,
    *,
    within_seconds: float,
    user_id: str = "user_id",
    item_id: str = "item_id",
    timestamp: str = "timestamp",
) -> pd.DataFrame:
    """Returns impressions with a column `label`: 1 where the user took the item soon after.

    An interaction counts for the last impression of its user and item before it, and for no other;
    so each has one cause at most. Impressions of the last `within_seconds` may still be taken:
    leave them out of a training.

    Args:
        impressions: What was shown, such as `read_impressions` gives.
        interactions: What users took.
        within_seconds: How long after an impression an interaction counts as its effect, > 0.
        user_id: The column of the users' ids, in both.
        item_id: The column of the items' ids, in the interactions.
        timestamp: The column of the interactions' times, in seconds since 1970.

    Returns:
        The impressions in their order, with `label` 0 or 1, which `data.load_frames` takes with
        `data.Schema(label="label")`.

    Raises:
        ValueError: `within_seconds` isn't positive, or a column is missing.

    Example:
        >>> shown = pd.DataFrame({"user_id": [1, 1], "item_id": [5, 6], "timestamp": [100, 100]})
        >>> taken = pd.DataFrame({"user_id": [1], "item_id": [6], "timestamp": [130]})
        >>> label_impressions(shown, taken, within_seconds=60)["label"].tolist()
        [0, 1]
    """
    if not within_seconds > 0:
        raise ValueError(
            f"`within_seconds` must be greater than 0, received within_seconds={within_seconds}."
        )
    for argument, table, names in (
        ("impressions", impressions, (user_id, "item_id", "timestamp")),
        ("interactions", interactions, (user_id, item_id, timestamp)),
    ):
        missing = [name for name in names if name not in table]
        if missing:
            raise ValueError(f"`{argument}` must have the columns {names}, {missing} are missing.")
    shown = pd.DataFrame(
        {
            "user": impressions[user_id].to_numpy(),
            "item": impressions["item_id"].to_numpy(),
            "time": impressions["timestamp"].to_numpy("float64"),
            "row": range(len(impressions)),
        }
    )
    taken = pd.DataFrame(
        {
            "user": interactions[user_id].to_numpy(),
            "item": interactions[item_id].to_numpy(),
            "time": interactions[timestamp].to_numpy("float64"),
        }
    )
    found = pd.merge_asof(
        taken.sort_values("time", kind="stable"),
        shown.sort_values("time", kind="stable"),
        on="time",
        by=["user", "item"],
        tolerance=float(within_seconds),  # type: ignore[arg-type]  # Times are numbers here.
    )
    rows = found["row"].dropna().astype("int64")
    # By place: two days' tables put together repeat the labels of their index.
    label = np.zeros(len(impressions), np.int64)
    label[rows.to_numpy()] = 1
    return impressions.assign(label=label)

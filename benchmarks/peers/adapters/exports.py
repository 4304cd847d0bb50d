"""What adapters share whose models can be exported: one process writes one, a fresh one asks it."""

import dataclasses
import functools
import importlib.metadata
import json
import pathlib
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from exchange import Recommend, Watch, answer, read

WARM_UP, ASKED, CHECKED = 30, 300, 30


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training returns: a function that answers, and one that writes it to a folder.

    Attributes:
        recommend: The function that answers.
        export: From the rows that are known and an empty folder; it writes there by the library's
            own means, with the ids that go with the model.
    """

    recommend: Recommend
    export: Callable[[pd.DataFrame, pathlib.Path], None]

    def __call__(self, known: pd.DataFrame, users: np.ndarray, k: int) -> pd.DataFrame:
        """Answers."""
        return self.recommend(known, users, k)


class Loaded(NamedTuple):
    """A model that came from files.

    Attributes:
        questions: From the rows that are known and users to what the library is told of each.
        ask: From one of them to item ids and their scores, best first.
    """

    questions: Callable[[pd.DataFrame, np.ndarray], Sequence[Any]]
    ask: Callable[[Any], tuple[np.ndarray, np.ndarray]]


Train = Callable[[pd.DataFrame, dict, Watch], Trained]
Load = Callable[[pathlib.Path, dict], Loaded]


def take_part(train: Train, load: Load, *distributions: str) -> None:
    """Answers, exports or serves, as the third word of the command line says.

    Args:
        train: As `answer` takes it, but what it returns can be exported.
        load: From the folder of an export and the settings to the model.
        *distributions: Whose versions are noted.
    """
    folder, out, step = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    if step == "answer":
        answer(train, *distributions)
        return
    spec = json.loads((folder / "spec.json").read_text())
    cost = export(train, spec, out) if step == "export" else serve(load, spec, out)
    cost["versions"] = {name: importlib.metadata.version(name) for name in distributions}
    (out / f"{step}.json").write_text(json.dumps(cost, default=float))


def export(train: Train, spec: dict, out: pathlib.Path) -> dict:
    """Trains and exports; returns what the export cost, and keeps some answers."""
    known, folder = read("known"), out / "export"
    shutil.rmtree(folder, ignore_errors=True)  # Of a process that was killed.
    folder.mkdir(parents=True)
    # One epoch has no better: nobody judges it.
    trained = train(read("train"), spec, Watch(spec, out, lambda answerer: 0.0, "ndcg_at_10"))
    began = time.perf_counter()
    trained.export(known, folder)
    seconds = time.perf_counter() - began
    answers = trained(known, np.sort(who()[:CHECKED]), spec["k"])
    answers[["user_id", "item_id", "rank"]].to_parquet(out / "expected.parquet", index=False)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"export_seconds": seconds, "export_megabytes": size / 1e6}


def serve(load: Load, spec: dict, out: pathlib.Path) -> dict:
    """Loads the export and asks it for one user at a time; returns what that cost."""
    began = time.perf_counter()
    loaded = load(out / "export", spec)
    seconds = time.perf_counter() - began
    users, times, answers = who(), [], []
    for user, question in zip(users, loaded.questions(read("known"), users), strict=True):
        began = time.perf_counter()
        ids, scores = loaded.ask(question)
        times.append(1000 * (time.perf_counter() - began))
        found = pd.DataFrame({"item_id": ids, "score": scores})
        found = found[found["item_id"] >= 0]
        answers.append(found.assign(user_id=user, rank=np.arange(1, len(found) + 1)))
    pd.concat(answers[:CHECKED]).to_parquet(out / "served.parquet", index=False)
    p50, p99 = np.percentile(times[WARM_UP:], [50, 99])
    return {"load_seconds": seconds, "ask_ms_p50": p50, "ask_ms_p99": p99}


@functools.cache
def who() -> np.ndarray:
    """Returns the users for whom an export is asked: known to the training, drawn once."""
    users = np.intersect1d(read("asked")["user_id"], read("train")["user_id"])
    users = np.random.default_rng(0).permutation(users)
    return np.resize(users, WARM_UP + ASKED)  # Where they are few, they come again.


def best_of_one(
    scores: np.ndarray, seen: np.ndarray, items: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns ids and scores of the k best items of one user, for libraries that only score.

    Args:
        scores: `[C]`, changed in place.
        seen: The places that are left out.
        items: The ids `[C]`.
        k: How many.
    """
    scores[seen] = -np.inf
    k = min(k, len(scores) - len(seen))
    best = np.argpartition(-scores, k - 1)[:k] if k else np.arange(0)
    best = best[np.argsort(-scores[best])]
    return items[best], scores[best]

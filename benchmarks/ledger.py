"""Trainings that outlive the process: each one's row is kept at once, and never trained again."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.timing import RESULTS
from tfrs_ext.evaluation import Interval
from tfrs_ext.files import replace_file

Row = dict[str, Any]


def figure(values: Sequence[float], sign: str = "") -> str:
    """Returns the mean of one value a seed, ± half of its 95% interval, without leading zeros."""
    found = Interval.of_repeats(values)
    return f"{found.mean:{sign}.4f} ± {found.half_width:.4f}".replace("0.", ".")


class Ledger:
    """Rows in `results/<name>.json`, one for each training, told apart by their keys.

    Args:
        name: Of the file.
        facts: What all rows share, written beside them.
        total: How many trainings are expected, for the progress.
    """

    def __init__(self, name: str, facts: Row | None = None, total: int | None = None) -> None:
        self.path = RESULTS / f"{name}.json"
        self.rows: list[Row] = []
        self.facts: Row = {}
        if self.path.exists():
            kept = json.loads(self.path.read_text())
            self.rows, self.facts = kept["rows"], kept["facts"]
        self.facts.update(facts or {})
        self.total = total

    def find(self, **key: Any) -> list[Row]:
        """Returns the rows that have these values."""
        return [row for row in self.rows if all(row.get(k) == v for k, v in key.items())]

    def run(self, train: Callable[[], Row], **key: Any) -> Row:
        """Returns the row of this key: the kept one, or that of the training done now."""
        kept = self.find(**key)
        if kept:
            return kept[0]
        start, processor = time.perf_counter(), time.process_time()
        row = {**key, **train()}
        row["seconds"] = time.perf_counter() - start
        row["processor_seconds"] = time.process_time() - processor
        self.rows.append(_rounded(row))
        self._save()
        place = f"{len(self.rows)} of {self.total or '?'}"
        print(f"{time.strftime('%H:%M:%S')} training {place}, {row['seconds']:.0f} s: {key}")
        print("   ", {k: v for k, v in self.rows[-1].items() if isinstance(v, float)}, flush=True)
        return self.rows[-1]

    def note(self, **facts: Any) -> None:
        """Keeps more of what all rows share."""
        self.facts.update(facts)
        self._save()

    def _save(self) -> None:
        rows = ",\n".join(json.dumps(row) for row in self.rows)
        facts = json.dumps(self.facts, indent=1)
        text = f'{{"facts": {facts},\n"rows": [\n{rows}\n]}}\n'
        with replace_file(self.path) as part:
            part.write_text(text, encoding="utf-8")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return float(f"{value:.6g}") if isinstance(value, (float, np.floating)) else value

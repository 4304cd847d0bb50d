"""What keras-tuner doesn't keep of a trial: its curve, its time, why it stopped and its error."""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from tfrs_ext.files import read_json, write_json
from tfrs_ext.typing import PathLike

_FILE = "history.json"


@dataclasses.dataclass
class TrialRecord:
    """One trial's record.

    Attributes:
        epochs: Epochs trained before each value, counted over a whole Hyperband chain.
        values: The objective after each epoch of this trial.
        seconds: Wall time of the trial so far.
        stopped: `"hopeless"` or `"budget"` where the search cut the trial short.
        error: The traceback of a trial that failed.
    """

    epochs: list[int] = dataclasses.field(default_factory=list)
    values: list[float] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    stopped: str | None = None
    error: str | None = None


class TrialRecords:
    """The records of a search's trials, beside keras-tuner's own files; processes share it.

    Args:
        folder: The tuner's project folder.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = pathlib.Path(folder)

    def write(self, trial_id: str, record: TrialRecord) -> None:
        """Replaces the record of a trial."""
        folder = self.folder / f"trial_{trial_id}"
        write_json(folder / _FILE, dataclasses.asdict(record))

    def read(self, trial_id: str) -> TrialRecord:
        """Returns the record of a trial: an empty one where nothing was written yet."""
        return TrialRecord(**(read_json(self.folder / f"trial_{trial_id}" / _FILE) or {}))

    def read_states(self) -> Iterator[dict[str, Any]]:
        """Yields the state that keras-tuner saved of each trial, in the order of their ids."""
        for path in sorted(self.folder.glob("trial_*/trial.json")):
            yield read_json(path)

    def read_finished(self) -> list[TrialRecord]:
        """Returns the records of the trials that are completed."""
        done = [state["trial_id"] for state in self.read_states() if state["status"] == "COMPLETED"]
        return [self.read(trial_id) for trial_id in done]

    def total_seconds(self) -> float:
        """Returns the time that the trials have taken so far, summed."""
        return sum(self.read(state["trial_id"]).seconds for state in self.read_states())

"""What TensorBoard shows besides scalars: trials in HParams, embeddings in the projector."""

import importlib
import pathlib
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.typing import PathLike

_CONFIG = "projector_config.pbtxt"


def log_trials(folder: PathLike, trials: Sequence[Mapping[str, Any]], objective: str) -> None:
    """Writes the trials of a search for TensorBoard's HParams, a run for each.

    Args:
        folder: The folder of the logs; each trial gets `folder/trial_<name>`. Written again, the
            runs of the same trials are replaced.
        trials: Rows with `trial`, `values` and `score`, as `tuning.SearchResult.trials` has them;
            those without a score have their values alone.
        objective: The score's name.

    Raises:
        ImportError: Where TensorBoard is missing.

    Example:
        >>> import tempfile
        >>> log_trials(tempfile.mkdtemp(), [{"trial": "0", "score": 0.1, "values": {"units": 8}}],
        ...            "val_ndcg_at_10")
    """
    api = _tensorboard("hparams.api")
    for trial in trials:
        run = pathlib.Path(folder, f"trial_{trial['trial']}")
        for old in run.glob("events.out.tfevents.*"):
            old.unlink()
        with tf.summary.create_file_writer(str(run)).as_default(step=0):
            values = {name: value for name, value in trial["values"].items() if value is not None}
            api.hparams(values, trial_id=f"trial {trial['trial']}")
            if trial["score"] is not None:
                tf.summary.scalar(objective, trial["score"])


def log_embeddings(
    folder: PathLike,
    embeddings: npt.ArrayLike,
    labels: Mapping[str, Sequence[Any]],
    name: str = "items",
) -> None:
    """Writes embeddings with their labels for TensorBoard's projector.

    Args:
        folder: The folder of the logs, which `tensorboard --logdir` is given.
        embeddings: `[C, D]`; the projector draws up to some 10,000 well.
        labels: `{column: [C] values}`, such as titles and ids; the first is shown.
        name: What the tensor is called; other names in the same folder stay.

    Raises:
        ImportError: Where TensorBoard is missing.
        ValueError: Where there aren't as many labels as embeddings, or none.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> log_embeddings(folder, [[1.0, 0.0], [0.0, 1.0]], {"title": ["A", "B"]})
        >>> sorted(path.name for path in pathlib.Path(folder).iterdir())
        ['items.bytes', 'items.tsv', 'projector_config.pbtxt']
    """
    projector = _tensorboard("projector")
    vectors = np.ascontiguousarray(embeddings, np.float32)
    if not labels or any(len(column) != len(vectors) for column in labels.values()):
        lengths = {column: len(values) for column, values in labels.items()}
        raise ValueError(
            f"`labels` must hold columns of {len(vectors)} values, one for each embedding, "
            f"received {lengths}."
        )
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.bytes").write_bytes(vectors.tobytes())
    (folder / f"{name}.tsv").write_text(_table(labels), encoding="utf-8")
    config = _read(folder / _CONFIG, projector)
    others = [entry for entry in config.embeddings if entry.tensor_name != name]
    del config.embeddings[:]
    config.embeddings.extend(others)
    config.embeddings.add(
        tensor_name=name,
        tensor_path=f"{name}.bytes",
        tensor_shape=vectors.shape,
        metadata_path=f"{name}.tsv",
    )
    (folder / _CONFIG).write_text(str(config), encoding="utf-8")


def _read(path: pathlib.Path, projector: types.ModuleType) -> Any:
    text_format = importlib.import_module("google.protobuf.text_format")
    config = projector.ProjectorConfig()
    return text_format.Parse(path.read_text(encoding="utf-8"), config) if path.exists() else config


def _table(labels: Mapping[str, Sequence[Any]]) -> str:
    """Returns tab-separated lines; a single column has no head, as the projector wants it."""
    rows = [list(map(_line, row)) for row in zip(*labels.values(), strict=True)]
    head = [list(map(_line, labels))] if len(labels) > 1 else []
    return "".join("\t".join(row) + "\n" for row in head + rows)


def _line(value: object) -> str:
    """Returns a label without what would begin another field or line; never empty."""
    return " ".join(str(value).split()) or "–"  # noqa: RUF001


def _tensorboard(plugin: str) -> types.ModuleType:
    try:
        return importlib.import_module(f"tensorboard.plugins.{plugin}")
    except ImportError as error:
        raise ImportError('TensorBoard is missing: `pip install "tfrs-ext[report]"`.') from error

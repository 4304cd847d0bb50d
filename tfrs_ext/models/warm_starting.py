"""Training that goes on where another model stopped, with more ids or other columns."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import FeatureEncoder
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.models.dssm_tower import DSSMTower
from tfrs_ext.models.layer_paths import key_of, walk_layers, weights_of
from tfrs_ext.models.tower import Tower
from tfrs_ext.tasks import Retrieval

_Layers = dict[str, keras.layers.Layer]


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """What a new model has from a trained one.

    Attributes:
        ids: The number of ids, words or letter trigrams carried over, by the layer that embeds
            them.
        copied: The weights that are as in the trained model.
        new: The weights that keep their initial values.
        left: The layers of the trained model that the new one lacks.
    """

    ids: dict[str, int]
    copied: tuple[str, ...]
    new: tuple[str, ...]
    left: tuple[str, ...]


def warm_start(model: keras.Model, trained: keras.Model) -> WarmStart:
    """Gives a new model what a trained one has learned, by the names of columns and by ids.

    For the daily retrain: fit the features anew, build the model with their larger vocabularies,
    warm-start it from yesterday's and train for a few steps. A row of an embedding table goes to
    the row of the same id, word or letter trigram; ids that only the new model knows keep their
    initial rows, and those that only the trained one knows are dropped. Scores of pairs that both
    models know are those of `trained`, given the same means, deviations and periods of numbers and
    times.

    The columns of a `Tower` may come in another order. One that only the new tower reads counts
    for nothing at first; one that it no longer reads is left. Other models must read the same
    columns in the same order. The task may be another one, as in fine-tuning. Counts of items
    (`frequencies.CountedFrequency`) stay the new model's, and optimizers start anew.

    Args:
        model: A `TwoTower`, `RankingModel`, or any model over this package's encoders.
        trained: One of the same architecture and widths, over vocabularies of its own.

    Returns:
        What was carried over, and what wasn't.

    Raises:
        ValueError: The models aren't built from the same layers, or a column's ids are strings in
            one and integers in the other.

    Example:
        >>> from tfrs_ext.models import TwoTower
        >>> from tfrs_ext.features import Categorical
        >>> item = Categorical("item", (7, 8))
        >>> users = [Categorical("user", (1, 2))], [Categorical("user", (2, 3, 4))]
        >>> trained = TwoTower.from_features(users[0], [item], embedding_dim=4)
        >>> model = TwoTower.from_features(users[1], [item], embedding_dim=4)
        >>> warm_start(model, trained).ids
        {'query_model/features/user': 1, 'candidate_model/features/item': 2}
    """
    ours, theirs = dict(walk_layers(model)), dict(walk_layers(trained))
    added, gone = _check_layers(ours, theirs)
    tables = {path: _find_table(path, layer) for path, layer in ours.items() if path in theirs}
    done: dict[str, int] = {}
    copied: list[str] = []
    for path, table in tables.items():
        other = _find_table(path, theirs[path])
        if table is not None and other is not None:
            done[path] = _copy_rows(path, table, other)
            copied.append(table.name)
    new: list[str] = []
    for path, layer in ours.items():
        if isinstance(layer, Tower):
            copied.append(f"{path}/{_copy_columns(layer, theirs[path])}".lstrip("/"))
    for path, layer in ours.items():
        for name in weights_of(layer):
            weight = f"{path}/{name}".lstrip("/")
            if weight not in copied:
                found = path not in added and _copy(weight, name, layer, theirs[path])
                (copied if found else new).append(weight)
    return WarmStart(done, tuple(copied), tuple(new), tuple(gone))


def _check_layers(ours: _Layers, theirs: _Layers) -> tuple[list[str], list[str]]:
    """Returns the paths that only one of the models has: columns of towers, and parts of tasks."""
    towers = [f"{path}/features/" for path in ours if isinstance(ours[path], Tower)]
    tasks = [f"{path}/" for path in ours if isinstance(ours[path], Retrieval)]
    free = tuple(path.lstrip("/") for path in (*towers, *tasks))
    added = [path for path in ours if path not in theirs]
    gone = [path for path in theirs if path not in ours]
    other = [path for path in ours if path in theirs and type(ours[path]) is not type(theirs[path])]
    for path in (*added, *gone, *other):
        if path in other or not path.startswith(free or ("\0",)):
            raise ValueError(
                f"`model` must have the layers of `trained`, received a difference in {path!r}: "
                "build both with the same features and settings."
            )
    for path, layer in ours.items():
        if isinstance(layer, FeatureEncoder) and not f"{path}/".startswith(free or ("\0",)):
            _check_order(path, layer, theirs[path])
    return added, gone


def _check_order(path: str, ours: FeatureEncoder, theirs: FeatureEncoder) -> None:
    names = [[feature.name for feature in side.features] for side in (ours, theirs)]
    if names[0] != names[1]:
        raise ValueError(
            f"`model` must read the columns of `trained` in the same order in {path!r}, received "
            f"{names[0]} for {names[1]}."
        )


class _TokenRows(NamedTuple):
    """A weight `[V, D]` with a row for each of some tokens, behind those for other values."""

    name: str
    rows: tf.Variable
    tokens: list[Any]


def _find_table(path: str, layer: keras.layers.Layer) -> _TokenRows | None:
    """Returns the table of ids, words or letter trigrams that a layer looks up; None without."""
    if isinstance(layer, DSSMTower):
        first = layer.network.denses[0]
        name = f"{path}/network/{key_of(layer.network, first)}/kernel".lstrip("/")
        return _TokenRows(name, first.kernel, list(layer.trigrams.vocabulary))
    embedding = getattr(layer, "embedding", None)
    if embedding is not None and hasattr(layer, "trigrams"):
        return _TokenRows(
            f"{path}/embedding/kernel", embedding.kernel, list(layer.trigrams.vocabulary)
        )
    if embedding is not None and hasattr(layer, "lookup"):
        tokens = [np.asarray(token).item() for token in layer.lookup.get_vocabulary(False)]
        return _TokenRows(f"{path}/embedding/embeddings", embedding.embeddings, tokens)
    return None


def _copy_rows(path: str, ours: _TokenRows, theirs: _TokenRows) -> int:
    """Copies the rows of tokens that both know, and those of padding and of unknown ones."""
    rows, values = ours.rows.numpy(), theirs.rows.numpy()
    if rows.shape[1] != values.shape[1]:
        raise ValueError(
            f"`model` must embed {path!r} in {values.shape[1]} numbers as `trained` does, "
            f"received {rows.shape[1]}."
        )
    known = [ours.tokens, theirs.tokens]
    if all(known) and isinstance(known[0][0], str) != isinstance(known[1][0], str):
        raise ValueError(
            f"`model` must have ids of the type of `trained` in {path!r}, received "
            f"{known[0][0]!r} for {known[1][0]!r}. Convert the column before you fit features."
        )
    special = [len(table) - len(words) for table, words in zip((rows, values), known, strict=True)]
    if special[0] == special[1]:  # Other hash buckets hold other values.
        rows[: special[0]] = values[: special[1]]
    places = {token: special[1] + i for i, token in enumerate(known[1])}
    pairs = [(special[0] + i, places[t]) for i, t in enumerate(known[0]) if t in places]
    to, source = np.array(pairs, np.int64).reshape(-1, 2).T
    rows[to] = values[source]
    ours.rows.assign(rows)
    return len(pairs)


def _copy(weight: str, name: str, ours: keras.layers.Layer, theirs: keras.layers.Layer) -> bool:
    """Copies one weight and returns whether it could."""
    if isinstance(ours, CountedFrequency):
        return False
    target, source = weights_of(ours)[name], weights_of(theirs).get(name)
    shape = None if source is None else source.shape
    if target.shape == shape:
        target.assign(source)
    elif target.trainable:
        raise ValueError(
            f"`model` must have the widths of `trained`, received {weight} of shape "
            f"{target.shape} for {shape}."
        )
    return bool(target.shape == shape)


def _copy_columns(ours: Tower, theirs: Tower) -> str:
    """Moves the rows of the first layer's kernel to where the columns stand in the new tower.

    Returns the kernel's name.
    """
    first, trained = (
        tower.hidden[0].denses[0] if tower.hidden else tower.projection for tower in (ours, theirs)
    )
    rows, values = np.zeros(first.kernel.shape, np.float32), trained.kernel.numpy()
    places, sources = _places(ours), _places(theirs)
    for name in places.keys() & sources.keys():
        if (len(places[name]), rows.shape[1]) != (len(sources[name]), values.shape[1]):
            raise ValueError(
                f"`model` must have the widths of `trained`, received a kernel of shape "
                f"{rows.shape} for {values.shape}."
            )
        rows[places[name]] = values[sources[name]]
    first.kernel.assign(rows)
    inside = f"{key_of(ours, ours.hidden[0])}/" if ours.hidden else ""
    return f"{inside}{key_of(ours, first)}/kernel"


def _places(tower: Tower) -> dict[str, npt.NDArray[np.int64]]:
    """Returns which numbers of the encoder's output are a column's."""
    widths = [f.output_width(tower.encoder.embedding_dim) for f in tower.features]
    ends = np.cumsum(widths)
    pairs = zip(tower.features, ends, widths, strict=True)
    return {feature.name: np.arange(end - width, end) for feature, end, width in pairs}

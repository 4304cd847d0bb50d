"""Training that goes on where another model stopped, with more ids."""

from typing import Any

from tfrs_ext._keras import keras


def warm_start(model: Any, trained: Any) -> dict[str, int]:
    """Gives a new model what a trained one has learned, embeddings by id.

    For the daily retrain: fit the features anew, build the model with their larger vocabularies,
    warm-start it from yesterday's and train for a few steps. A row of an embedding table goes to
    the row of the same id or word; ids that only the new model knows keep their initial rows, and
    those that only the trained one knows are dropped. All other weights are copied where their
    shapes agree (a task's counts by item, for instance, stay the new model's). Optimizers start
    anew. Scores of pairs that both models know are those of `trained`, given the same means,
    deviations and periods of numbers and times.

    Args:
        model: A `TwoTower`, `RankingModel`, or any model over this package's encoders.
        trained: One of the same architecture and widths, over vocabularies of its own.

    Returns:
        The number of ids carried over, by the name of the layer that embeds them.

    Raises:
        ValueError: The models aren't built from the same layers.

    Example:
        >>> from tfrs_ext.models import TwoTower
        >>> from tfrs_ext.features import Categorical
        >>> item = Categorical("item", (7, 8))
        >>> users = [Categorical("user", (1, 2))], [Categorical("user", (2, 3, 4))]
        >>> trained = TwoTower.from_features(users[0], [item], embedding_dim=4)
        >>> model = TwoTower.from_features(users[1], [item], embedding_dim=4)
        >>> warm_start(model, trained)
        {'user': 1, 'item': 2}
    """
    pairs = list(zip(_layers(trained), _layers(model), strict=False))
    kinds = [[type(layer) for layer in _layers(side)] for side in (trained, model)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"`model` must have the layers of `trained`, received {len(kinds[1])} layers for "
            f"{len(kinds[0])}: build both with the same features and settings."
        )
    carried: dict[str, int] = {}
    tables = set()
    for old, new in pairs:
        if hasattr(new, "lookup") and hasattr(new, "embedding"):
            carried[new.name] = _copy_rows(old, new)
            tables.add(id(new.embedding))
    for old, new in pairs:
        if id(new) not in tables:
            own = (layer._trainable_weights + layer._non_trainable_weights for layer in (old, new))
            for source, target in zip(*own, strict=False):
                if source.shape == target.shape:
                    target.assign(source)
    return carried


def _layers(model: Any) -> list[Any]:
    """Returns all layers but metrics, which compiling adds, in an order of their own."""
    layers = model._flatten_layers(include_self=True, recursive=True)
    return [layer for layer in layers if not isinstance(layer, keras.metrics.Metric)]


def _copy_rows(old: Any, new: Any) -> int:
    """Copies the rows of ids that both know, and those of padding and of unknown ids."""
    rows, values = new.embedding.embeddings.numpy(), old.embedding.embeddings.numpy()
    if rows.shape[1] != values.shape[1]:
        raise ValueError(
            f"`model` must embed {new.name!r} in {values.shape[1]} numbers as `trained` does, "
            f"received {rows.shape[1]}."
        )
    ours, theirs = (
        layer.lookup.get_vocabulary(include_special_tokens=False) for layer in (new, old)
    )
    special = [len(values) - len(theirs), len(rows) - len(ours)]
    rows[: special[1]] = values[: special[0]]
    place = {token: special[0] + i for i, token in enumerate(theirs)}
    known = [(special[1] + i, place[token]) for i, token in enumerate(ours) if token in place]
    for row, source in known:
        rows[row] = values[source]
    new.embedding.embeddings.assign(rows)
    return len(known)

"""The kinds of index that there are, by the names in manifests."""

from tfrs_ext.indexes.index import Index


def index_kinds() -> tuple[str, ...]:
    """Returns the kinds of all index classes that were imported, in alphabetical order.

    Example:
        >>> {"exact", "quantized", "scann"} <= set(index_kinds())
        True
    """
    return tuple(sorted(Index.classes))


def index_class(kind: str) -> type[Index]:
    """Returns the class whose `kind` this is.

    Args:
        kind: One of `index_kinds()`.

    Raises:
        ValueError: Where no class that was imported has this kind.
    """
    if kind not in Index.classes:
        raise ValueError(
            f"`kind` must be one of {', '.join(index_kinds())}, received kind={kind!r}. A kind of "
            "your own is known once the module with its class is imported."
        )
    return Index.classes[kind]

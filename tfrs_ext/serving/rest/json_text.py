"""JSON, by orjson where it is installed and by the standard library otherwise."""

import json
from typing import Any

try:
    import orjson
except ModuleNotFoundError:
    _has_orjson = False
else:
    _has_orjson = True


def from_json(text: bytes) -> Any:
    """Returns what a text of JSON says.

    Raises:
        ValueError: Where it isn't JSON.
    """
    if _has_orjson:
        return orjson.loads(text)
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def to_json(value: Any) -> bytes:
    """Returns values as a text of JSON.

    Args:
        value: Lists, mappings and plain values, with arrays of finite numbers among them.
    """
    if _has_orjson:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    return value.tolist()

"""Files that are whole or not there."""

import json
import os
import pathlib
from typing import Any


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes aside, then renames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(value, indent=2) + "\n")
    aside.replace(path)


def read_json(path: pathlib.Path) -> Any:
    """Returns the value, or None where there is no such file."""
    return json.loads(path.read_text()) if path.exists() else None

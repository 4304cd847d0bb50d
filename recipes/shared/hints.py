"""What is said where a word was mistyped: what there is, what is near, and an example."""

import difflib
import pathlib
from collections.abc import Iterable

_EXAMPLES = {
    "interactions": "clicks.csv",
    "items": "items.csv",
    "path": "ml-1m.zip",
    "schema": "schema.json",
    "users": "users.csv",
}


def near(word: str, known: Iterable[str]) -> str:
    """Returns "; did you mean …?" where something known is near, else nothing."""
    found = difflib.get_close_matches(word, [*known], n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def check_choice(option: str, word: str, known: Iterable[str]) -> None:
    """Refuses a word that isn't known, and names the nearest one."""
    known = [*known]
    if word not in known:
        raise ValueError(
            f"`{option}` must be one of {', '.join(known)}, received {word!r}{near(word, known)}"
        )


def check_file(option: str, path: str | None) -> None:
    """Refuses a path where nothing is, and names the nearest file of that folder."""
    if path is None or any(sign in path for sign in "*?[") or pathlib.Path(path).exists():
        return
    folder = pathlib.Path(path).parent
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    where = "" if folder.is_dir() else f", and there is no folder {folder}"
    raise ValueError(
        f"`{option}` must be a file that is there, received {path}{where}"
        f"{near(pathlib.Path(path).name, names)} For example: --{option} {_EXAMPLES[option]}"
    )

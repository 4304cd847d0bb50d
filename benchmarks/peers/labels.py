"""What people call contestants, and which adapters there are, read from the adapters' files."""

import ast

from benchmarks.peers.contest import ADAPTERS


def label_of(contestant: str) -> str:
    """Returns what people call a contestant: a model of ours by its name, or an adapter's words."""
    if ":" not in contestant:
        return f"`{contestant}`"
    words = ast.get_docstring(_module(contestant.split(":")[1])) or contestant
    return words.split(",")[0].rstrip(".")


def retrieval_adapters() -> set[str]:
    """Returns the names of all adapters of models that retrieve."""
    names = {path.stem for path in ADAPTERS.glob("*_*.py")}
    names -= {"independent_check", "rectools_transformers"}  # They answer nothing themselves.
    return {name for name in names if not name.startswith("rank_")}


def exporting_adapters() -> set[str]:
    """Returns the names of those whose models can be exported: they define `load`."""
    return {name for name in retrieval_adapters() if _defines(name, "load")}


def _defines(adapter: str, function: str) -> bool:
    parts = _module(adapter).body
    return any(isinstance(part, ast.FunctionDef) and part.name == function for part in parts)


def _module(adapter: str) -> ast.Module:
    return ast.parse((ADAPTERS / f"{adapter}.py").read_text())

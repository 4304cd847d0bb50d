"""The house keeps its floors: who may import whom, read from the source."""

import ast
import pathlib

import pytest

import tfrs_ext

ROOT = pathlib.Path(tfrs_ext.__file__).parent
FLOORS = {
    "_keras": 0,
    "_version": 0,
    "typing": 0,
    "files": 1,
    "candidates": 1,
    "ops": 2,
    "layers": 3,
    "losses": 3,
    "frequencies": 3,
    "evaluation": 3,
    "metrics": 3,
    "optimizers": 3,
    "regularizers": 3,
    "indexes": 3,
    "bandits": 3,
    "baselines": 3,
    "features": 4,
    "negatives": 4,
    "callbacks": 4,
    "tasks": 5,
    "data": 5,
    "models": 6,
    "tuning": 7,
    "serving": 7,
    "report": 7,
}
USES_TFRS = {"_keras", "indexes", "metrics", "layers", "tasks", "models"}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _name(path):
    return str(path.relative_to(ROOT))


def _room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_name(path)} uses a relative import"
            if node.module == "tfrs_ext":
                yield from (f"tfrs_ext.{alias.name}" for alias in node.names)
            else:
                yield node.module


def _rooms_imported(path):
    names = (name for name in _imports(path) if name.startswith("tfrs_ext."))
    return {name.split(".")[1] for name in names}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_only_from_the_floors_below(path):
    room = _room(path)
    for other in _rooms_imported(path) - {room}:
        if room == "data":
            assert other in ("features", "files", "typing"), f"data imports {other}"
        else:
            assert FLOORS[other] < FLOORS[room], f"{room} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_only_some_rooms_know_tfrs(path):
    knows = any(name.split(".")[0] == "tensorflow_recommenders" for name in _imports(path))
    assert not knows or _room(path) in USES_TFRS


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_keras_comes_from_one_place(path):
    if _room(path) != "_keras":
        assert not {"keras", "tf_keras"} & {name.split(".")[0] for name in _imports(path)}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_pure_rooms_know_no_keras(path):
    if _room(path) in ("candidates", "files", "ops", "typing", "data"):
        assert "_keras" not in _rooms_imported(path)


def test_recipes_use_the_public_api_only():
    for path in (ROOT.parent / "recipes").rglob("*.py"):
        for name in _imports(path):
            assert "._" not in name, f"{path.name} imports {name}"


def test_modules_import_in_no_circle():
    graph = {}
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(("tfrs_ext", *(p for p in parts if p != "__init__")))
        graph[module] = {name for name in _imports(path) if name.startswith("tfrs_ext.")}

    def visit(module, trail):
        assert module not in trail, " -> ".join((*trail, module))
        for other in graph.get(module, ()):
            if other != module:
                visit(other, (*trail, module))

    for module in graph:
        visit(module, ())

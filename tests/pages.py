"""What README and docs name: dotted names in code blocks and in backticks, and commands."""

import ast
import importlib
import inspect
import re

import tfrs_ext
from tests.house import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
ROOMS = {"tfrs_ext": "tfrs_ext"} | {room: f"tfrs_ext.{room}" for room in tfrs_ext.__all__}
KERAS_ARGUMENTS = {"dtype", "name", "reduction", "trainable"}
FILE_ENDINGS = "config|csv|html|json|keras|md|parquet|py|txt|yaml|zip"


def wrong_names(text):
    """Returns every name, argument and command of a page that the package doesn't have."""
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    trees = [ast.parse(block) for block in blocks]
    names = {name: full for name, full in ROOMS.items() if name not in _variables(trees)}
    names |= {name: full for tree in trees for name, full in _imports(tree)}
    trees += [tree for quote in re.findall(r"`([^`]+)`", prose) if (tree := _parsed(quote))]
    wrong = [full for tree in trees for _, full in _imports(tree) if not _exists(full)]
    wrong += [problem for tree in trees for problem in _wrong_in_tree(tree, names)]
    return wrong + [f"python -m {name}" for name in _commands(text) if not _can_run(name)]


def _parsed(quote):
    if re.search(rf"\w\.({FILE_ENDINGS})$", quote):
        return None
    try:
        return ast.parse(quote.replace("\n", " ").replace("…", "..."))
    except SyntaxError:
        return None


def _variables(trees):
    nodes = [node for tree in trees for node in ast.walk(tree)]
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "tfrs_ext":
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _wrong_in_tree(tree, names):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            full = _full_name(node, names)
            if full and not _exists(full):
                yield ast.unparse(node)
        elif isinstance(node, ast.Call):
            full = _full_name(node.func, names)
            if full and _exists(full):
                yield from (f"{full}({name}=)" for name in _wrong_arguments(full, node))


def _full_name(node, names):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in names:
        return ".".join((names[node.id], *reversed(parts)))
    return None


def _exists(full):
    try:
        _find(full)
    except (AttributeError, ImportError):
        return False
    return not any(re.match("_(?!_)", part) for part in full.split("."))


def _find(full):
    first, *rest = full.split(".")
    thing = importlib.import_module(first)
    for count, part in enumerate(rest, start=2):
        if not hasattr(thing, part):
            importlib.import_module(".".join(full.split(".")[:count]))
        thing = getattr(thing, part)
    return thing


def _wrong_arguments(full, call):
    thing = _find(full)
    parameters = inspect.signature(thing).parameters
    if isinstance(thing, type) and thing.__module__.startswith("tfrs_ext"):
        taken = parameters.keys() | KERAS_ARGUMENTS
    elif any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return []
    else:
        taken = parameters.keys()
    return [k.arg for k in call.keywords if k.arg and k.arg not in taken]


def _commands(text):
    return set(re.findall(r"python -m ((?:recipes|benchmarks|tfrs_ext)[\w.]*)", text))


def _can_run(name):
    base = REPOSITORY.joinpath(*name.rstrip(".").split("."))
    return base.with_suffix(".py").exists() or (base / "__main__.py").exists()


def dead_links(page):
    """Returns the links of a page to files that aren't there, or to headings that they lack."""
    links = re.findall(r"\]\(((?!https?:)[^)\s]+)\)", page.read_text())
    return [link for link in links if not _leads_somewhere(page, *link.partition("#")[::2])]


def _leads_somewhere(page, path, anchor):
    target = (page.parent / path).resolve() if path else page
    if not anchor or not target.is_file():
        return target.exists()
    headings = re.findall(r"^#+ (.*)$", target.read_text(), flags=re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}

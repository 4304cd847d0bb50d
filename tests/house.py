"""What the source of the package says about itself: rooms, imports, parameters and classes."""

import ast
import functools
import pathlib
import re

import tfrs_ext

ROOT = pathlib.Path(tfrs_ext.__file__).parent
REPOSITORY = ROOT.parent
ALL_FILES = sorted(ROOT.rglob("*.py"))
FILES = [path for path in ALL_FILES if path != ROOT / "__init__.py"]
GUESTS = sorted(
    path for folder in ("recipes", "benchmarks") for path in (REPOSITORY / folder).rglob("*.py")
)


def name_of(path):
    """Returns `layers/dice.py` for a file of the package, `recipes/ranking.py` for a guest."""
    return str(path.relative_to(ROOT if path.is_relative_to(ROOT) else REPOSITORY))


def room_of(path):
    """Returns the package or single module directly under `tfrs_ext` in which a file lies."""
    return name_of(path).split("/", maxsplit=1)[0].removesuffix(".py")


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text())


@functools.cache
def imports_of(path):
    """Returns pairs of an imported module and a name from it, "" for the module itself."""
    pairs = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            pairs += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # The wheel holds the recipes in another place, so they import each other relatively.
            assert node.level == 0 or path in GUESTS, f"{name_of(path)} uses a relative import"
            module = "." * node.level + (node.module or "")
            pairs += [(module, alias.name) for alias in node.names]
    return pairs


def modules_imported(path):
    """Returns the full names of the imported modules; `from tfrs_ext import ops` gives ops."""
    for module, name in imports_of(path):
        yield f"tfrs_ext.{name}" if module == "tfrs_ext" and name else module


def rooms_imported(path):
    names = (name for name in modules_imported(path) if name.startswith("tfrs_ext."))
    return {name.split(".")[1] for name in names}


@functools.cache
def exports_of(package):
    """Returns `__all__` of a folder of the package, None where the folder isn't a package."""
    path = package / "__init__.py"
    for node in tree_of(path).body if path.exists() else []:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


def is_open_to_all(module, name):
    """Returns True where code of any package may import `name` of `module`."""
    parts = module.split(".")
    if parts[0] != "tfrs_ext":
        return True
    if parts == ["tfrs_ext"]:
        return True
    if parts[1] in ("_keras", "_version", "typing", "files", "variants", "candidates", "ops"):
        return True
    exports = exports_of(ROOT.joinpath(*parts[1:]))
    return exports is not None and (not name or name in exports)


def parameters_of(path):
    """Returns pairs of `function.parameter` and its annotation, without self, `*` and `**`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            for argument in arguments.posonlyargs + arguments.args + arguments.kwonlyargs:
                if argument.arg not in ("self", "cls"):
                    annotation = ast.unparse(argument.annotation) if argument.annotation else ""
                    yield f"{node.name}.{argument.arg}", annotation


def is_any(annotation):
    """Returns True for `Any` and for unions with it, which say as little."""
    return "Any" in (part.strip() for part in annotation.split("|"))


def classes_of(path):
    """Returns the names of all classes of a file."""
    return [node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]


def docstrings_of(path):
    """Returns pairs of a class's or function's name and its docstring."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (doc := ast.get_docstring(node)):
            yield node.name, doc


def sections_of(doc):
    """Returns pairs of a heading and its lines, from the first heading on."""
    sections = []
    for line in doc.splitlines():
        if heading := re.fullmatch(r"([A-Z][a-z ]*)(?: \(`\w+`\))?:", line):
            sections.append((heading[1], []))
        elif sections:
            sections[-1][1].append(line)
    return sections


def described_in(doc):
    """Returns pairs of an argument or attribute and the beginning of its description."""
    for heading, lines in sections_of(doc):
        if heading in ("Args", "Call arguments", "Attributes"):
            for line in lines:
                if entry := re.fullmatch(r"    \*{0,2}(\w+): (.*)", line):
                    yield entry[1], entry[2]

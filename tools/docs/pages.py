"""Adds pages to the site: the reference of each package, and the pages of the repository's root."""

import ast
import pathlib
import re
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).parents[2]
PACKAGE = ROOT / "tfrs_ext"
ROOT_PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")


def public_names() -> dict[str, list[str]]:
    """Returns the public names of each public package, read from the `__all__`s of the source."""
    return {room: _exports(room) for room in sorted(_all_of(PACKAGE / "__init__.py"))}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages, and completes the navigation with what the folders hold."""
    for name in ROOT_PAGES:
        text = _links_from_docs((ROOT / name).read_text())
        files.append(File.generated(config, name.lower(), content=text))
    for room, names in public_names().items():
        files.append(
            File.generated(config, f"reference/{room}.md", content=_reference(room, names))
        )
    files.append(File.generated(config, "reference/index.md", content=_overview()))
    config.nav = complete(
        config.nav or [], sorted(file.src_uri for file in files.documentation_pages())
    )
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leads links to the pages of the root, such as `../CONTRIBUTING.md`, to their copies."""
    for name in ROOT_PAGES:
        markdown = markdown.replace(f"](../{name}", f"]({name.lower()}")
    return markdown


def _links_from_docs(text: str) -> str:
    text = re.sub(r"\]\(docs/", "](", text)
    for name in ROOT_PAGES:
        text = text.replace(f"]({name}", f"]({name.lower()}")
    return text


def _exports(room: str) -> list[str]:
    path = PACKAGE / room / "__init__.py"
    if path.exists():
        return sorted(_all_of(path))
    return _all_of(PACKAGE / f"{room}.py") or _defined_in(PACKAGE / f"{room}.py")


def _all_of(path: pathlib.Path) -> list[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _defined_in(path: pathlib.Path) -> list[str]:
    names = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            names.append(ast.unparse(node.targets[0]))
        elif isinstance(node, ast.ClassDef):
            names.append(node.name)
    return [name for name in names if not name.startswith("_")]


def _summary_of(room: str) -> str:
    path = PACKAGE / room / "__init__.py"
    path = path if path.exists() else PACKAGE / f"{room}.py"
    return (
        (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].replace("\n", " ")
    )


def _reference(room: str, names: list[str]) -> str:
    inner = [name for name in names if (PACKAGE / room / name / "__init__.py").exists()]
    text = f"---\ntitle: {room}\n---\n{_block(room, [n for n in names if n not in inner], level=1)}"
    for name in inner:
        text += _block(f"{room}.{name}", _all_of(PACKAGE / room / name / "__init__.py"), level=2)
    return text


def _block(room: str, names: list[str], level: int) -> str:
    members = "".join(f"        - {name}\n" for name in names)
    options = f"      heading_level: {level}\n      members:\n{members}"
    return f"::: tfrs_ext.{room}\n    options:\n{options}\n"


def _overview() -> str:
    rows = "".join(
        f"| [{room}]({room}.md) | {len(names)} | {_summary_of(room)} |\n"
        for room, names in public_names().items()
    )
    return (
        "# Reference\n"
        "Every public name of the package, made from the docstrings in the source. Shapes in them: "
        "`B` queries, `C` candidates scored, `N` negatives, `D` embedding width, `L` history "
        "length, `K` results.\n\n"
        f"| package | names | what it holds |\n|---|---|---|\n{rows}"
    )


def complete(nav: list[Any], pages: list[str]) -> list[Any]:
    """Replaces `folder/` by its pages, and lets pages that nothing names follow in the guides."""
    nav = [{title: _filled(part, pages) for title, part in item.items()} for item in nav]
    rest = [page for page in pages if page not in _pages_in(nav)]
    return [
        {title: part + rest if title == "Guides" else part for title, part in item.items()}
        for item in nav
    ]


def _filled(part: Any, pages: list[str]) -> Any:
    if not isinstance(part, str) or not part.endswith("/"):
        return part
    index = f"{part}index.md"
    return [index, *(page for page in pages if page.startswith(part) and page != index)]


def _pages_in(part: Any) -> set[str]:
    if isinstance(part, str):
        return {part}
    parts = part.values() if isinstance(part, dict) else part
    return set().union(*map(_pages_in, parts))

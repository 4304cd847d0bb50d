"""Makes lists and paragraphs of those sections of our docstrings that griffe doesn't know."""

import re

import griffe

_HEADING = re.compile(r"(Call arguments|Relations|References|Returns|Yields)(?: \(`\w+`\))?:(.*)")


class OurSections(griffe.Extension):
    """Rewrites the docstring of each class, function and module before griffe parses it."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrites one docstring."""
        if obj.docstring:
            obj.docstring.value = markdown_of(obj.docstring.value)


def markdown_of(doc: str) -> str:
    """Returns a docstring whose sections are Markdown, but for those that griffe knows."""
    lines = re.sub(r"^Example:", "Examples:", doc, flags=re.MULTILINE).splitlines()
    written: list[str] = []
    while lines:
        line = lines.pop(0)
        if heading := _HEADING.fullmatch(line):
            block = _pop_block(lines)
            listed = heading[1] == "Call arguments"
            written += _list(heading[1], block) if listed else _paragraph(heading, block)
        else:
            written.append(line)
    return "\n".join(written)


def _pop_block(lines: list[str]) -> list[str]:
    """Takes the lines up to the next section off the list."""
    size = 0
    while size < len(lines) and not re.match(r"[A-Z][a-z ]*(?: \(`\w+`\))?:", lines[size]):
        size += 1
    block, lines[:] = lines[:size], lines[size:]
    return block


def _list(title: str, block: list[str]) -> list[str]:
    entries = [re.sub(r"^    \*{0,2}(\w+): ", r"- `\1`: ", line) for line in block]
    return [f"**{title}:**", "", *entries]


def _paragraph(heading: re.Match[str], block: list[str]) -> list[str]:
    text = [line.removeprefix("    ") for line in block]
    return [f"**{heading[1]}:** {heading[2].strip()}".rstrip(), *text]

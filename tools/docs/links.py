"""Links code such as `losses.FullSoftmax` in a page to its place in the reference."""

import functools
import html
import re
from typing import Any

from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

from tools.docs.pages import public_names

_CODE = re.compile(r"(<a\b.*?</a>|<h\d.*?</h\d>|<pre\b.*?</pre>)|<code>([^<]+)</code>", re.DOTALL)
_NAME = re.compile(r"(?:tfrs_ext\.)?(?:([a-z]+)\.)?(\w+)(?:\.\w+)*(?:\(.*\))?", re.DOTALL)


def on_page_content(content: str, page: Page, files: Files, **_: Any) -> str:
    """Makes a link of each code span that is a public name, but in headings and in links."""

    def linked(match: re.Match[str]) -> str:
        place = None if match[1] else place_of(html.unescape(match[2]))
        if not place:
            return match[0]
        target = files.get_file_from_path(f"reference/{place[0]}.md")
        anchor = f"tfrs_ext.{place[0]}.{place[1]}"
        return f'<a href="{target.url_relative_to(page.file)}#{anchor}">{match[0]}</a>'

    return _CODE.sub(linked, content)


def place_of(code: str) -> tuple[str, str] | None:
    """Returns the package and the public name that a piece of code begins with, or None.

    A class stands for itself where no other package has one of that name; a function must be
    written with its package.
    """
    found = _NAME.fullmatch(code)
    if not found:
        return None
    rooms = [room for room, names in _names().items() if found[2] in names]
    if found[1]:
        return (found[1], found[2]) if found[1] in rooms else None
    return (rooms[0], found[2]) if len(rooms) == 1 and found[2][0].isupper() else None


@functools.cache
def _names() -> dict[str, list[str]]:
    return public_names()

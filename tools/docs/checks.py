"""Checks the built site: no public name is missing, and no page fetches anything from a network."""

import logging
import pathlib
import re

from mkdocs.config.defaults import MkDocsConfig

from tools.docs.pages import public_names

_LOG = logging.getLogger("mkdocs.hooks.checks")  # In strict mode a warning ends the build.


def on_post_build(config: MkDocsConfig) -> None:
    """Warns of what is missing and of what would be fetched."""
    site = pathlib.Path(config.site_dir)
    for room, names in public_names().items():
        text = (site / "reference" / f"{room}.html").read_text()
        for name in missing_names(text, room, names):
            _LOG.warning("the reference lacks tfrs_ext.%s.%s", room, name)
    for path in site.rglob("*.html"):
        for address in fetched_addresses(path.read_text()):
            _LOG.warning("%s fetches %s", path.relative_to(site), address)


def missing_names(page: str, room: str, names: list[str]) -> list[str]:
    """Returns the names that have no heading on the page of their package."""
    anchors = set(re.findall(r'id="([\w.]+)"', page))
    return [name for name in names if f"tfrs_ext.{room}.{name}" not in anchors]


def fetched_addresses(page: str) -> list[str]:
    """Returns the addresses that a browser would fetch to show the page."""
    tags = re.findall(r"<(?:script|img|iframe|source|link)\b[^>]*>", page)
    return [a for tag in tags for a in re.findall(r'(?:src|href)="((?:https?:)?//[^"]+)"', tag)]

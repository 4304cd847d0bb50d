"""One HTML file that shows a run."""

import pathlib
from typing import Any

from tfrs_ext._version import __version__
from tfrs_ext.files import replace_file
from tfrs_ext.report.estimates import decimal, number
from tfrs_ext.report.run_summary import RunSummary
from tfrs_ext.report.sections import ALL
from tfrs_ext.report.verdict import verdict
from tfrs_ext.typing import PathLike

_HERE = pathlib.Path(__file__).parent


def render_report(run: RunSummary) -> str:
    """Returns a run as one HTML page that needs no network and no JavaScript.

    Tables have intervals; charts are SVG, drawn by matplotlib, with a name, a description and
    their numbers in a table; colours follow the reader's preference for light or dark. Everything
    that comes from the run is text, never markup. The same run gives the same page.

    Args:
        run: What to show; parts that it lacks are left out.

    Returns:
        HTML.

    Raises:
        ImportError: Where matplotlib, Jinja2 or, for ten trials and more, scikit-learn is missing.

    Relations:
        `write_report` puts it into a file; `model_card` is the same in a page of Markdown.

    Example:
        >>> page = render_report(RunSummary(title="<b>", metrics={"model": {"recall_at_10": 0.25}}))
        >>> "<h1>&lt;b&gt;</h1>" in page
        True
    """
    sections = [section for section in (make(run) for make in ALL) if section is not None]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            run=run,
            verdict=verdict(run),
            sections=sections,
            style=(_HERE / "page.css").read_text(encoding="utf-8").strip(),
            number=number,
            decimal=decimal,
            version=__version__,
        )
    )


def write_report(path: PathLike, run: RunSummary) -> pathlib.Path:
    """Writes a run's page; at every moment the file is a whole one, the old or the new.

    Args:
        path: The file to write, such as `runs/report.html`; folders are made.
        run: What the report is about; see `RunSummary`.

    Returns:
        The path.
    """
    text = render_report(run)
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8")
    return pathlib.Path(path)


def _environment() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise ImportError('A report needs Jinja2: `pip install "tfrs-ext[report]"`.') from error
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )

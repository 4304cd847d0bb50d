"""A real browser opens the page: no complaint, no request, and colours as the reader wants them."""

import re
import shutil
import subprocess

import matplotlib.image
import pytest

from tests.report.runs import hostile, whole
from tfrs_ext import report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


def _open(page, *options):
    """Returns the document once it is loaded, and what the console said of errors and requests."""
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command += [f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("run", [whole(), hostile("<img src=//evil.example/x onerror=alert(1)>")])
def test_the_page_loads_without_a_complaint_or_a_request(tmp_path, run):
    document, console = _open(report.write_report(tmp_path / "report.html", run))
    assert console == []
    assert document.count("<svg") == document.count("</svg>") > 5
    assert "</footer>" in document
    assert "<img" not in document


@pytest.mark.parametrize(
    "body", ['<img src="http://elsewhere.example/a.png">', "<script>1 + 1</script>"]
)
def test_the_page_s_policy_tells_the_console_of_requests_and_scripts(tmp_path, body):
    page = tmp_path / "page.html"
    (policy,) = re.findall(
        "<meta http-equiv=.*?>", report.render_report(report.RunSummary(title="a"))
    )
    assert "default-src 'none'" in policy
    page.write_text(f"<!DOCTYPE html><title>a</title>{policy}{body}")
    assert _open(page)[1]


def test_light_and_dark_look_different(tmp_path):
    run = report.RunSummary(title="Films", metrics={"model": {"recall_at_10": 0.2}})
    page = report.write_report(tmp_path / "report.html", run)
    brightness = []
    for scheme in (0, 1):
        picture = tmp_path / f"{scheme}.png"
        _open(page, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}")
        brightness.append(matplotlib.image.imread(picture)[..., :3].mean())
    dark, light = brightness
    assert dark < 0.3
    assert light > 0.8

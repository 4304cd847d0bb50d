"""The page is whole, readable by machines, and holds no markup that it didn't make."""

import html.parser
import pathlib
import re

import matplotlib
import pytest

from tests.report.runs import hostile, whole
from tfrs_ext import report

_VOID = {"meta", "link", "br", "img", "hr", "input"}
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style></svg><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}",
    "$\\frac{1}{$ & $x$ ' \" <!-- ]]>",
    "#a00001 url(#x) ünïcode 映画 \u202e",
]


class _Page(html.parser.HTMLParser):
    """Checks nesting, and gathers elements with their attributes and texts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attrs for name, attrs, _ in self.elements if name == tag]

    def text(self, tag):
        return [data for name, data in self.texts if name == tag]


@pytest.fixture(scope="module")
def text():
    return report.render_report(whole())


@pytest.fixture(scope="module")
def page(text):
    return _Page(text)


def test_the_page_has_a_section_for_every_part_of_the_run(page):
    ids = [attrs["id"] for attrs in page.all("section")]
    names = ["accuracy", "fairness", "samples", "training", "search", "index", "origin"]
    assert ids == names
    assert [attrs["href"] for attrs in page.all("a")] == [f"#{name}" for name in names]


def test_nothing_is_loaded_and_nothing_runs(page, text):
    assert not re.findall(r"(?:https?:)?//[\w.]", text)
    assert not {"script", "iframe", "object", "embed", "img", "image"} & {
        name for name, _, _ in page.elements
    }
    for name, attrs, _ in page.elements:
        assert not [a for a in attrs if a.startswith("on")]
        for reference in {"href", "src", "xlink:href"} & set(attrs):
            assert attrs[reference].startswith("#") or (name, attrs[reference]) == (
                "link",
                "data:,",
            )
    assert not re.findall(r"url\((?!#)|@import", text)


def test_every_drawing_has_a_name_a_description_and_its_numbers(page):
    drawings = page.all("svg")
    assert len(drawings) == 11
    ids = {attrs["id"]: name for name, attrs, _ in page.elements if "id" in attrs}
    for attrs in drawings:
        assert attrs["role"] == "img"
        named = attrs["aria-labelledby"].split()
        assert [ids[name] for name in named] == ["title", "desc"]
    assert all(text.strip() for text in page.text("desc"))
    inside = [
        attrs for name, attrs, open_ in page.elements if name == "details" and "figure" in open_
    ]
    assert len(inside) == len(drawings)
    assert len(page.all("table")) > len(drawings)


def test_ids_are_unique_and_references_lead_somewhere(page, text):
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    assert len(set(ids)) == len(ids)
    wanted = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", text))
    assert {a or b for a, b in wanted} <= set(ids)


def test_drawings_use_the_colours_of_the_page_alone(text):
    drawings = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert not re.findall(r"(?:fill|stroke): #", drawings)
    style = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)[0]
    used = set(re.findall(r"var\((--[\w-]+)\)", drawings + style))
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    assert used
    for name in used:
        assert f"{name}:" in light
        assert f"{name}:" in dark


def test_the_verdict_names_the_strongest_baseline(page):
    (verdict,) = [text for text in page.text("p") if text.startswith("NDCG@10 of model")]
    assert "item to item, the strongest baseline: 0.1423." in verdict
    assert verdict.endswith(
        "Difference 0.0100 [0.0100, 0.2000], more than the luck of the queries."
    )


@pytest.mark.parametrize(
    ("bounds", "words"),
    [((-0.2, -0.1), "less than the baseline"), ((-0.1, 0.1), "which may be luck")],
)
def test_the_verdict_admits_what_it_does_not_know(bounds, words):
    run = report.RunSummary(
        title="a",
        metrics={"model": {"ndcg_at_10": 0.1}, "other": {"ndcg_at_10": 0.2}},
        differences={"other": {"ndcg_at_10": (-0.1, *bounds)}},
    )
    assert words in report.render_report(run)


@pytest.mark.parametrize("written", HOSTILE)
def test_what_users_wrote_stays_text(written, page):
    found = _Page(report.render_report(hostile(written)))
    assert {name for name, _, _ in found.elements} <= {name for name, _, _ in page.elements}
    assert not [name for _, attrs, _ in found.elements for name in attrs if name.startswith("on")]
    assert found.text("h1") == [written]
    (item,) = [data for tag, data in found.texts if tag == "span"]
    assert item.strip() == written


def test_the_same_run_gives_the_same_page_whatever_the_users_settings(text):
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        assert report.render_report(whole()) == text
        assert matplotlib.rcParams["font.size"] == 30


def test_what_the_run_lacks_is_left_out():
    page = _Page(report.render_report(report.RunSummary(title="Empty")))
    assert not page.all("section")
    assert not page.all("svg")


def test_few_trials_say_nothing_about_importance_and_say_so():
    text = report.render_report(whole(trials=5))
    assert "too few trials to say which hyper-parameters matter" in text
    assert "importance-title" not in text
    assert "importance-title" in report.render_report(whole(trials=40))


def test_every_metric_of_a_training_has_axes_of_its_own():
    history = {"loss": [2.0, 1.0], "val_ndcg_at_10": [0.1, 0.2], "val_recall_at_100": [0.8, 0.9]}
    page = _Page(report.render_report(report.RunSummary(title="a", history=history)))
    titles = [text for text in page.text("title") if "validation part" in text]
    assert titles == ["NDCG@10 on the validation part", "recall@100 on the validation part"]


def test_a_single_setting_is_no_frontier():
    frontier = [{"recall": 1.0, "milliseconds": 0.1}]
    run = report.RunSummary(title="a", index={"kind": "scann", "frontier": frontier})
    assert "<svg" not in report.render_report(run)


def test_a_file_is_whole_or_the_old_one(tmp_path, monkeypatch):
    old = report.RunSummary(title="old")
    path = report.write_report(tmp_path / "deep" / "report.html", old)
    first = path.read_text(encoding="utf-8")
    assert first == report.render_report(old)

    def fail(self, content, **options):
        with open(self, "w") as stream:
            stream.write(content[:100])
        raise OSError("the disk is full")

    monkeypatch.setattr(pathlib.Path, "write_text", fail)
    with pytest.raises(OSError, match="full"):
        report.write_report(path, report.RunSummary(title="new"))
    assert path.read_text(encoding="utf-8") == first


def test_a_direction_is_max_or_min():
    with pytest.raises(ValueError, match=r'`direction` must be "max" or "min", received \'up\''):
        report.RunSummary(title="a", direction="up")

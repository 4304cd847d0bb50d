import dataclasses

import pytest

from tests.report.runs import hostile, whole
from tfrs_ext import report


def test_the_card_has_all_that_a_reader_has_to_know():
    card = report.model_card(whole())
    lines = card.splitlines()
    assert lines[0] == "# Retrieval on films"
    assert [line[3:] for line in lines if line.startswith("## ")] == [
        "Data and protocol",
        "Accuracy",
        "Whom and what it serves",
        "Limits",
        "Index",
        "Origin",
    ]
    assert "- test queries: 9,990" in lines
    assert "- One seed." in lines
    for row in ("| model | **0.1581** \\[0.1502, 0.1660\\] |", "| seed | 1 |", "| kind | scann |"):
        assert any(line.startswith(row) for line in lines), row
    assert "item to item, the strongest baseline" in lines[2]
    assert "| cold | 0.1000 |" in lines


def test_tables_are_rectangular():
    columns = None
    for line in report.model_card(whole()).splitlines():
        if not line.startswith("|"):
            columns = None
        elif columns is None:
            columns = line.count("|")
        else:
            assert line.count("|") == columns


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "[a](http://evil.example)", "a | b\n\n# c", "`*_**~~"]
)
def test_what_users_wrote_stays_text(text):
    card = report.model_card(hostile(text))
    plain = report.model_card(hostile("plain"))
    for mark in ("<", "](", "`", "|", "\n"):
        unescaped = card.replace("\\" + mark[0], "")
        assert unescaped.count(mark) == plain.count(mark), mark
    assert sum(line.startswith("#") for line in card.splitlines()) == sum(
        line.startswith("#") for line in plain.splitlines()
    )


def test_a_fingerprint_is_code():
    run = dataclasses.replace(whole(), fingerprint="0123456789abcdef" * 4)
    assert f"| `{run.fingerprint}` |" in report.model_card(run)

from benchmarks.migration import table
from benchmarks.migration.__main__ import PROGRAMS


def _figures(value):
    seconds = {"seconds to train": 4.2, "seconds to evaluate": 1.8}
    return {row.figure: value for row in table.ROWS} | seconds


def test_every_program_has_a_row_and_what_advice_does_not_change_is_empty(tmp_path):
    assert {row.program for row in table.ROWS} == {program.__name__ for program in PROGRAMS}
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    found = {
        "basic_retrieval": dict(zip("abc", map(_figures, (0.25, 0.5, 0.75)), strict=True)),
        "basic_ranking": dict(zip("ab", map(_figures, (1.25, 1.5)), strict=True)),
    }
    table.write_table(found, page)
    text = page.read_text()
    assert "| basic retrieval | in the top 100 | .250 | .500 | .750 | 4 + 2 | 4 + 2 |" in text
    assert "| basic ranking | RMSE of ratings | 1.250 | 1.500 |  | 4 + 2 | 4 + 2 |" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text

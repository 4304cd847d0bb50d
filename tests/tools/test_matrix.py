"""The table of `make matrix`."""

import datetime

from tools import matrix


def test_cells_leave_out_what_has_no_wheels_and_begin_with_the_lowest_versions():
    cells = matrix.cells(["3.10", "3.13"])
    assert cells[0] == matrix.Cell("3.10", "2.19", lowest=True)
    assert matrix.Cell("3.13", "2.19") not in cells
    assert "numpy==2.0.*" in cells[0].requirements()
    assert "scann" not in matrix.Cell("3.13", "2.21").extras()


def test_the_table_takes_the_place_of_the_last_one(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{matrix.BEGIN}\nold\n{matrix.END}\nafter\n")
    results = [(matrix.Cell("3.12", "2.21"), "9 passed")]
    matrix.write_table(matrix.render(results, "all", datetime.date(2026, 1, 2)), page)
    text = page.read_text()
    assert "| 3.12 | 2.21 | newest, without ScaNN | 9 passed |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text

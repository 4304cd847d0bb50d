"""The commands that make pages of docs: each runs, tiny, and writes its plots."""

import numpy as np
import pytest

from benchmarks import folding, ledger, plots, temperature


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "RESULTS", tmp_path)
    monkeypatch.setattr(plots, "FIGURES", tmp_path / "figures")
    return tmp_path


def test_plots_are_the_same_for_the_same_figures(results):
    def draw():
        with plots.plot("line") as axes:
            axes.plot([1, 2], [3, 5])
        return (results / "figures" / "line.svg").read_bytes()

    assert draw() == draw()
    assert draw().startswith(b"<?xml")


def test_entropy_is_a_share_of_that_of_a_uniform_draw():
    scores = np.log([[0.5, 0.25, 0.125, 0.125]]).astype(np.float32)
    assert temperature.mean_entropy(scores, 1.0) == pytest.approx(1.75 / 2)  # Bits of four items.
    assert temperature.mean_entropy(scores, 1e4) == pytest.approx(1.0)
    assert temperature.mean_entropy(scores, 1e-4) == pytest.approx(0.0)


@pytest.mark.slow
def test_the_page_of_temperature_is_made_by_one_command(results, monkeypatch, capsys):
    for name in ("TEMPERATURES", "DRAWN", "STARTS"):
        monkeypatch.setattr(temperature, name, (0.1,))
    temperature.main(["--users", "60", "--epochs", "1"])

    assert {path.stem for path in (results / "figures").iterdir()} == {
        f"temperature_{name}" for name in ("entropy", "geometry", "learnt", "popularity")
    }
    assert "| dot product |" in capsys.readouterr().out


def test_readers_are_shown_their_own_language_and_click_one_of_what_they_are_shown():
    world = folding.invent(users=30, items=30, impressions=4, seed=1)

    assert world.shown.shape == (120, folding.SHOWN)
    languages = world.item_language[world.shown]
    np.testing.assert_array_equal(
        languages, world.user_language[world.users][:, None] + 0 * languages
    )
    assert all(len(set(row)) == folding.SHOWN for row in world.shown.tolist())


@pytest.mark.slow
def test_the_page_of_folding_is_made_by_one_command(results, monkeypatch, capsys):
    every = folding.variants
    monkeypatch.setattr(
        folding, "variants", lambda world: {name: every(world)[name] for name in folding.DRAWN}
    )
    folding.main(["--users", "60", "--epochs", "2", "--seeds", "1"])

    assert (results / "figures" / "folding.svg").exists()
    printed = capsys.readouterr().out
    assert all(name in printed for name in folding.DRAWN)

import numpy as np
import pytest

from benchmarks import ledger as module
from benchmarks.columns import auc, log_loss
from benchmarks.ledger import Ledger, figure


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return tmp_path


def test_a_training_that_ended_is_never_run_again_by_another_process(results):
    Ledger("study", {"batch": 8}).run(lambda: {"score": 0.25}, model="a", seed=1)

    again = Ledger("study").run(lambda: pytest.fail("trained again"), model="a", seed=1)

    assert again["score"] == 0.25
    assert Ledger("study").facts == {"batch": 8}


def test_a_training_that_fails_keeps_the_rows_before_it(results):
    ledger = Ledger("study")
    ledger.run(lambda: {"score": 0.25}, seed=1)
    with pytest.raises(ZeroDivisionError):
        ledger.run(lambda: {"score": 1 / 0}, seed=2)

    assert [row["seed"] for row in Ledger("study").rows] == [1]


def test_other_settings_are_another_training(results):
    ledger = Ledger("study")
    ledger.run(lambda: {"score": 0.25}, steps=10)

    assert ledger.run(lambda: {"score": 0.5}, steps=20)["score"] == 0.5
    assert len(ledger.find()) == 2


def test_figures_are_means_with_half_of_their_interval():
    # Of 1, 2 and 6: Student's 97.5% with two degrees of freedom; the deviations are -2, -1 and 3.
    half = 4.302653 * (14 / 2) ** 0.5 / 3**0.5

    assert figure([0.01, 0.02, 0.06]) == f".0300 ± {half / 100:.4f}".replace("0.", ".")


def test_auc_counts_pairs_and_half_of_the_ties():
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.4, 0.4, 0.1])

    assert auc(labels, scores) == (1 + 1 + 0.5 + 1) / 4


def test_log_loss_is_the_mean_of_the_chosen_logarithms():
    expected = -(np.log(0.8) + np.log(1 - 0.3)) / 2

    assert log_loss(np.array([1, 0]), np.array([0.8, 0.3])) == pytest.approx(expected)

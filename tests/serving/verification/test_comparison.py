import numpy as np
import pytest

from tfrs_ext.serving import VerificationError, verify
from tfrs_ext.serving.verification import comparison as module

IDS = np.array([[1, 2, 3, 4], [9, 8, 7, 6]])
SCORES = np.array([[4.0, 3.0, 2.0, 1.0], [9.0, 5.0, 5.0, 5.0]])


@pytest.fixture
def answering(monkeypatch, tmp_path):
    """Checks IDS and SCORES against a bundle that answers as told."""

    def check(ids, scores, **arguments):
        answer = {"item_id": np.array(ids), "score": np.array(scores)}
        monkeypatch.setattr(module, "query_all_fresh", lambda path, requests: [answer])
        expected = arguments.pop("expected", IDS)
        return verify(tmp_path, {"user": ["a", "b"]}, expected, SCORES, **arguments)

    return check


def test_the_same_answer_passes(answering):
    result = answering([[1, 2], [9, 8]], [[4.0, 3.0], [9.0, 5.0]])
    assert (result.queries, result.recall, result.largest_score_error) == (2, 1.0, 0.0)


def test_every_signature_that_must_answer_the_same_is_compared(monkeypatch, tmp_path):
    right = {"item_id": IDS[:, :2], "score": SCORES[:, :2]}
    wrong = {"item_id": IDS[:, [0, 2]], "score": SCORES[:, [0, 2]]}
    same = {"by_features": {"age": [1, 2]}}
    for second in (right, wrong):
        monkeypatch.setattr(module, "query_all_fresh", lambda *_, s=second: [right, s])
        if second is right:
            assert verify(tmp_path, {"user": ["a", "b"]}, IDS, SCORES, same=same).recall == 1
        else:
            with pytest.raises(VerificationError, match="'by_features', must return at least"):
                verify(tmp_path, {"user": ["a", "b"]}, IDS, SCORES, same=same)


def test_ties_may_come_in_another_order_and_from_beyond_the_last_place(answering):
    assert answering([[1, 2], [9, 6]], [[4.0, 3.0], [9.0, 5.0]]).recall == 1
    assert answering([[1, 2], [9, 123]], [[4.0, 3.0], [9.0, 5.0]]).recall == 1


@pytest.mark.parametrize(
    ("ids", "scores", "message"),
    [
        ([[1, 3], [9, 8]], [[4.0, 2.0], [9.0, 5.0]], r"0.7500.*query 0.*\[1, 2.*\[1, 3\]"),
        ([[1, 77], [9, 8]], [[4.0, 3.0], [9.0, 5.0]], "0.7500"),
        ([[2, 1], [9, 8]], [[4.0, 3.0], [9.0, 5.0]], "other scores"),
        ([[2, 1], [9, 8]], [[3.0, 4.0], [9.0, 5.0]], "best item first"),
        ([[1, 2], [9, 8]], [[4.0, np.nan], [9.0, 5.0]], "best item first"),
        ([[1, 2], [-1, 9]], [[4.0, 3.0], [-1e38, 9.0]], "padding last"),
        ([[1, 2], [9, 8]], [[4.0, 3.1], [9.0, 5.0]], "other scores"),
        ([[1, 1], [9, 8]], [[4.0, 4.0], [9.0, 5.0]], "twice"),
        ([[1, -1], [9, 8]], [[4.0, -1e38], [9.0, 5.0]], "0.7500"),
        ([[1, 2]], [[4.0, 3.0]], "1 rows to 2 queries"),
    ],
)
def test_a_wrong_answer_is_refused(answering, ids, scores, message):
    with pytest.raises(VerificationError, match=message):
        answering(ids, scores)


def test_an_item_where_none_is_left_is_refused(answering):
    expected = np.array([[1, -1, -1, -1], [9, 8, 7, 6]])
    with pytest.raises(VerificationError, match=r"\[1, 2\] where only \[1\]"):
        answering([[1, 2], [9, 8]], [[4.0, 3.0], [9.0, 5.0]], expected=expected)


def test_an_approximate_answer_needs_the_stated_recall_only(answering):
    ids, scores = [[1, 3], [9, 8]], [[4.0, 2.0], [9.0, 5.0]]
    assert answering(ids, scores, min_recall=0.75).recall == 0.75
    with pytest.raises(VerificationError, match=r"at least 0.7600"):
        answering(ids, scores, min_recall=0.76)

"""How the stages of the benchmark of sequences are told."""

import pytest

from benchmarks import sequence_quality


@pytest.mark.parametrize("words", ["softmax:3", "full", "full:many"])
def test_a_stage_that_cannot_be_told_ends_before_data_is_read(words, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["sequence_quality", "--path", "nowhere", "--stages", words])
    with pytest.raises(SystemExit):
        sequence_quality.main()
    assert "loss:epochs:parts:rate:averaging" in capsys.readouterr().err

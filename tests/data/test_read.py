import pandas as pd
import pytest

from tfrs_ext.data import load_frames

LOG = pd.DataFrame({"user_id": [1, 2], "item_id": ["a", "b"], "timestamp": [10, 20]})


@pytest.mark.parametrize("name", ["log.parquet", "log.csv", "log.csv.gz", "log.tsv"])
def test_files_give_what_frames_give(name, tmp_path):
    path = tmp_path / name
    if "parquet" in name:
        LOG.to_parquet(path)
    else:
        LOG.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    expected = load_frames(LOG).interactions
    for source in (path, str(path)):
        pd.testing.assert_frame_equal(load_frames(source).interactions, expected)


def test_ids_in_csv_keep_their_zeros(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\n1,007,1\n2,7,2\n")
    interactions = load_frames(path).interactions
    assert interactions["item_id"].tolist() == ["007", "7"]
    assert interactions["user_id"].tolist() == [1, 2]


def test_says_what_it_reads(tmp_path):
    (tmp_path / "log.xlsx").touch()
    with pytest.raises(ValueError, match=r"\.parquet, \.csv or \.tsv file, received 'log\.xlsx'"):
        load_frames(tmp_path / "log.xlsx")
    with pytest.raises(FileNotFoundError, match="There is no table at"):
        load_frames(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="must be a pandas frame or a path, received list"):
        load_frames([1, 2])

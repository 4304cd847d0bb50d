import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.serving import read_warmup, write_warmup


def field(number, payload):
    """A length-delimited field of a protocol buffer, by the wire format."""
    assert len(payload) < 128
    return bytes([number << 3 | 2, len(payload)]) + payload


def test_record_is_a_prediction_log_on_the_wire(tmp_path):
    file = write_warmup(tmp_path, [("recommend", {"k": np.int32(5)})], "movies")
    assert file == tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    (record,) = tf.data.TFRecordDataset(str(file))
    model = field(1, b"movies") + field(3, b"recommend")
    tensor = tf.make_tensor_proto(np.int32(5)).SerializeToString()
    request = field(1, model) + field(2, field(1, b"k") + field(2, tensor))
    assert record.numpy() == field(6, field(1, request))


def test_requests_are_read_back(tmp_path):
    inputs = {"user": np.array([b"a", "ü".encode()], object), "k": np.int32(3)}
    write_warmup(tmp_path, [("a", inputs), ("b", {"x": np.ones((2, 3), np.float32)})])
    (first, read), (second, other) = read_warmup(tmp_path)
    assert (first, second) == ("a", "b")
    assert read["user"].tolist() == inputs["user"].tolist()
    assert read["k"].dtype == np.int32
    assert other["x"].shape == (2, 3)


def test_no_file_is_no_requests(tmp_path):
    assert read_warmup(tmp_path) == []


def test_more_than_the_server_takes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at most 1000, received 1001"):
        write_warmup(tmp_path, [("a", {})] * 1001)

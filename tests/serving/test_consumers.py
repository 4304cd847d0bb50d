"""TensorFlow Serving's own protocol buffers read what an export and `write_server_files` wrote."""

import pytest
import tensorflow as tf
from google.protobuf import text_format

from tests.serving.conftest import make_retriever
from tests.serving.rest.conftest import publish
from tfrs_ext import serving

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")


@pytest.mark.slow
def test_the_warmup_is_of_its_prediction_logs(tmp_path):
    from tensorflow_serving.apis import prediction_log_pb2

    path = publish(tmp_path, make_retriever())
    file = path / "assets.extra" / "tf_serving_warmup_requests"
    names = set()
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)
        request = log.predict_log.request
        names.add(request.model_spec.signature_name)
        for tensor in request.inputs.values():
            assert tf.make_ndarray(tensor).shape == tf.TensorShape(tensor.tensor_shape)
    assert names == set(serving.read_manifest(path)["signatures"])


def test_its_configuration_names_the_folders(tmp_path):
    from tensorflow_serving.config import model_server_config_pb2

    serving.write_server_files(tmp_path, {"movies": "saved_models/retrieval", "b-2": "other"})
    text = (tmp_path / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    found = {c.name: c.base_path for c in config.model_config_list.config}
    assert found == {"movies": "/models/movies", "b-2": "/models/b-2"}

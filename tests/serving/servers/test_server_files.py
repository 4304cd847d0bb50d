import json
import re

import pytest

from tfrs_ext import serving
from tfrs_ext.serving.publishing import batching


def write(folder):
    models = {"movies": folder / "m", "click-model": folder / "c"}
    return {f.name: f.read_text() for f in serving.write_server_files(folder / "server", models)}


def test_every_model_is_configured_and_mounted_where_its_configuration_says(tmp_path):
    files = write(tmp_path)
    names = re.findall(r'name: "(.*)"', files["models.config"])
    paths = re.findall(r'base_path: "(.*)"', files["models.config"])
    assert names == ["movies", "click-model"]
    assert f"{tmp_path}/m:{paths[0]}:ro" in files["compose.yaml"]
    assert f"{tmp_path}/c:{paths[1]}:ro" in files["compose.yaml"]
    assert f'"movies={paths[0]}", "click-model={paths[1]}"' in files["Dockerfile.rest"]
    assert files["models.config"].count("{") == files["models.config"].count("}")


def test_labels_are_those_of_tensorflow_serving(tmp_path):
    labels = {"movies": {"stable": 3, "canary": 4, "old": 3}}
    models = {"movies": tmp_path / "m", "clicks": tmp_path / "c"}
    serving.write_server_files(tmp_path / "server", models, labels=labels)
    text = (tmp_path / "server" / "models.config").read_text()
    movies, clicks = text.split("name: ")[1:]
    assert "model_version_policy { specific { versions: 3 versions: 4 } }" in movies
    assert 'version_labels { key: "stable" value: 3 }' in movies
    assert 'version_labels { key: "canary" value: 4 }' in movies
    assert "latest { num_versions: 1 }" in clicks
    assert "version_labels" not in clicks
    command = (tmp_path / "server" / "Dockerfile.rest").read_text()
    assert '"--label=movies:stable=3", "--label=movies:canary=4"' in command
    with pytest.raises(ValueError, match=r"`labels` must be of the models \['movies', 'clicks'\]"):
        serving.write_server_files(tmp_path, models, labels={"films": {}})


def test_ports_are_bound_to_loopback_and_nobody_is_root(tmp_path):
    files = write(tmp_path)
    ports = re.findall(r'- "(.*):(85..):85.."', files["compose.yaml"])
    assert ports == [("127.0.0.1", "8500"), ("127.0.0.1", "8501")]
    for name in ("Dockerfile", "Dockerfile.rest", "Dockerfile.scann"):
        assert "\nUSER 65534\n" in files[name]


def test_configuration_is_where_the_image_looks_for_it(tmp_path):
    files = write(tmp_path)
    copied = re.search(r"^COPY (.*) /config/$", files["Dockerfile"], re.M)[1].split()
    asked = re.findall(r"=/config/([\w.]+)", files["Dockerfile"])
    assert sorted(copied) == sorted(asked) == ["models.config", "monitoring.config"]
    command = re.search(r"ENTRYPOINT (\[.*?\])", files["Dockerfile"].replace("\\\n", ""), re.S)[1]
    assert json.loads(command)[0] == "tensorflow_model_server"


def test_bad_names_are_refused(tmp_path):
    for models in ({}, {"a b": tmp_path}, {'a"': tmp_path}):
        with pytest.raises(ValueError, match="names of letters, digits"):
            serving.write_server_files(tmp_path, models)
    assert list(tmp_path.iterdir()) == []


def test_batching_parameters_are_for_rows_of_one_length(tmp_path):
    def written(*shapes):
        inputs = {str(i): {"shape": list(shape)} for i, shape in enumerate(shapes)}
        file = tmp_path / "batching_params.pbtxt"
        file.unlink(missing_ok=True)
        batching.write_batching_params(tmp_path, {"serving_default": {"inputs": inputs}})
        return file.read_text() if file.exists() else None

    assert written([None], [None, None]) is None
    assert written([None], []) is None
    text = written([None], [None, 5])
    lines = [line for line in text.splitlines() if line[0] != "#"]
    assert lines[0] == "max_batch_size { value: 64 }"
    assert all(re.fullmatch(r"\w+ \{ value: \d+ \}", line) for line in lines)

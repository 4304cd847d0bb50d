"""The files beside the versions: configuration and images of servers."""

import json
import pathlib
import re
from collections.abc import Mapping

from tfrs_ext.files import replace_file
from tfrs_ext.typing import PathLike

# The server's series need not be that of the TensorFlow that exported: both read SavedModels.
STOCK_IMAGE = "tensorflow/serving:2.21.0"

_MODEL = """  config {{
    name: {name}
    base_path: {path}
    model_platform: "tensorflow"
    model_version_policy {{ {policy} }}
{labels}  }}
"""
_LABEL = "    version_labels {{ key: {label} value: {version} }}\n"
_MONITORING = """prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""
_DOCKERFILE = """# TensorFlow Serving, for ranking models and exact or quantized indexes.
FROM {image}
COPY models.config monitoring.config /config/
USER 65534
ENTRYPOINT ["tensorflow_model_server", \\
    "--port=8500", \\
    "--rest_api_port=8501", \\
    "--model_config_file=/config/models.config", \\
    "--monitoring_config_file=/config/monitoring.config", \\
    "--file_system_poll_wait_seconds=5"]
# For more throughput under load, at the price of `recommend` (its k is one value for all rows):
# CMD ["--enable_batching", "--enable_per_model_batching_parameters"]
"""
_DOCKERFILE_REST = """# This package's HTTP server, for any version, those with a ScaNN index too.
FROM python:3.11-slim
# The wheel lies beside this file: `pip wheel --no-deps -w . PATH/TO/THE/CHECKOUT` puts it there.
COPY tfrs_ext-*.whl /wheels/
RUN pip install --no-cache-dir "$(ls /wheels/tfrs_ext-*.whl)[serve,scann]"
USER 65534
EXPOSE 8501
ENTRYPOINT ["python", "-m", "tfrs_ext.serving.rest", "--host", "0.0.0.0", {models}]
"""
_DOCKERFILE_SCANN = """# TensorFlow Serving with ScaNN linked in: a sketch that nobody has built.
#
# A server can't load operations at run time, so they are compiled in. ScaNN's authors did so up to
# TensorFlow 2.11; their patches are in scann/tf_serving of the repository below, and have to be
# carried over to the sources of today: ScaNN's targets name TensorFlow @local_config_tf, the
# server's name it @org_tensorflow. Allow hours and some 30 GB.
ARG SERVING={devel_image}
FROM $SERVING AS build
ARG SCANN_REF=master
RUN git clone --depth 1 --branch $SCANN_REF --filter=blob:none --sparse \\
        https://github.com/google-research/google-research /scann-source \\
    && git -C /scann-source sparse-checkout set scann \\
    && cp -r /scann-source/scann/scann /tensorflow-serving/third_party/scann
WORKDIR /tensorflow-serving
# What remains by hand, as scann_serving.patch beside this file: ScaNN's dependencies in the
# workspace; @local_config_tf replaced by @org_tensorflow in ScaNN's BUILD files; and
# "//third_party/scann/scann_ops/cc:scann_ops", "…:scann_ops_kernels" in SUPPORTED_TENSORFLOW_OPS of
# tensorflow_serving/model_servers/BUILD.
COPY scann_serving.patch .
RUN git apply scann_serving.patch \\
    && bazel build -c opt --cxxopt=-std=c++17 --copt=-mavx2 --copt=-mfma \\
        tensorflow_serving/model_servers:tensorflow_model_server \\
    && cp bazel-bin/tensorflow_serving/model_servers/tensorflow_model_server /usr/local/bin/

FROM {image}
COPY --from=build /usr/local/bin/tensorflow_model_server /usr/bin/tensorflow_model_server
COPY models.config monitoring.config /config/
USER 65534
ENTRYPOINT ["tensorflow_model_server", "--port=8500", "--rest_api_port=8501", \\
    "--model_config_file=/config/models.config", \\
    "--monitoring_config_file=/config/monitoring.config"]
"""
_COMPOSE = """services:
  serving:
    build: .
    restart: unless-stopped
    read_only: true
    ports:
      - "127.0.0.1:8500:8500" # gRPC
      - "127.0.0.1:8501:8501" # REST and /monitoring/prometheus/metrics
    volumes:
{volumes}"""


def write_server_files(
    folder: PathLike,
    models: Mapping[str, PathLike],
    *,
    image: str = STOCK_IMAGE,
    labels: Mapping[str, Mapping[str, int]] | None = None,
) -> list[pathlib.Path]:
    """Writes what runs servers over folders of versions: configuration, Dockerfiles and compose.

    `docker compose up` in the folder runs stock TensorFlow Serving on loopback, REST at 8501 and
    gRPC at 8500. `Dockerfile.rest` runs this package's HTTP server, which takes ScaNN bundles too.
    `Dockerfile.scann` is where a TensorFlow Serving with ScaNN's operations would start. No image
    was built and no server binary run here; docs/serving.md says what was tested instead.

    Args:
        folder: Where to; made where it is missing. Files of these names are replaced.
        models: Folders of versions by the names that requests use.
        image: The container image of stock TensorFlow Serving.
        labels: The versions by label, for some of the models, such as `{"movies": {"stable": 3}}`,
            which answer at `/v1/models/movies/labels/stable`. TensorFlow Serving then serves these
            versions alone, so it has to be told of a new one by a new configuration.

    Returns:
        The files.

    Raises:
        ValueError: Where there is no model, a name isn't of letters, digits, `_` and `-`, or
            `labels` names a model that there isn't.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = write_server_files(folder, {"movies": "saved_models/retrieval"})
        ...     sorted(file.name for file in files)[-3:]
        ['compose.yaml', 'models.config', 'monitoring.config']
    """
    bad = [name for name in models if not re.fullmatch(r"[\w-]+", name, re.ASCII)]
    if not models or bad:
        raise ValueError(
            f"`models` must have names of letters, digits, '_' and '-', received {list(models)}."
        )
    labels = labels or {}
    if not set(labels) <= set(models):
        raise ValueError(f"`labels` must be of the models {list(models)}, received {labels}.")
    folder = pathlib.Path(folder)
    inside = {name: f"/models/{name}" for name in models}
    configs = "".join(
        _MODEL.format(
            name=json.dumps(name),
            path=json.dumps(path),
            policy=_policy(labels.get(name, {})),
            labels="".join(
                _LABEL.format(label=json.dumps(label), version=version)
                for label, version in labels.get(name, {}).items()
            ),
        )
        for name, path in inside.items()
    )
    rest = [f"{name}={path}" for name, path in inside.items()]
    for name, versions in labels.items():
        rest += [f"--label={name}:{label}={version}" for label, version in versions.items()]
    mounts = [
        json.dumps(f"{pathlib.Path(base).resolve()}:{inside[name]}:ro")
        for name, base in models.items()
    ]
    texts = {
        "models.config": f"model_config_list {{\n{configs}}}\n",
        "monitoring.config": _MONITORING,
        "Dockerfile": _DOCKERFILE.format(image=image),
        "Dockerfile.rest": _DOCKERFILE_REST.format(models=", ".join(map(json.dumps, rest))),
        "Dockerfile.scann": _DOCKERFILE_SCANN.format(image=image, devel_image=f"{image}-devel"),
        "compose.yaml": _COMPOSE.format(volumes="".join(f"      - {mount}\n" for mount in mounts)),
    }
    for name, text in texts.items():
        with replace_file(folder / name) as part:
            part.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _policy(labels: Mapping[str, int]) -> str:
    if not labels:
        return "latest { num_versions: 1 }"
    return f"specific {{ {' '.join(f'versions: {n}' for n in sorted(set(labels.values())))} }}"

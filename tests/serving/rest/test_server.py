"""The server as a process, over the network."""

import json
import pathlib
import socket
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tfrs_ext import serving
from tfrs_ext.serving.rest import Limits, create_app

GOOD = {"instances": ["u3"]}


def test_models_and_versions_predict(server):
    status, answer = server.ask("POST", ":predict", GOOD)
    assert status == 200
    assert len(answer["predictions"][0]["item_id"]) == 6
    assert server.ask("POST", "/versions/1:predict", GOOD) == (200, answer)


def test_status_and_metadata_are_those_of_tensorflow_serving(server):
    state = {"error_code": "OK", "error_message": ""}
    expected = [{"version": "1", "state": "AVAILABLE", "status": state}]
    for path in ("", "/versions/1"):
        assert server.ask("GET", path) == (200, {"model_version_status": expected})
    status, answer = server.ask("GET", "/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "movies", "signature_name": "", "version": "1"}
    user = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
    assert user["user_id"]["dtype"] == "DT_STRING"
    assert user["user_id"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("POST", ":predict", b"{", 400, "must be JSON"),
        ("POST", ":predict", {"instances": [1]}, 400, "must hold strings"),
        ("POST", ":predict", {"instances": ["u"] * 17}, 400, "at most 16 rows"),
        ("POST", ":predict", b" " * 5001, 413, "at most 5000 bytes"),
        ("POST", "/versions/7:predict", GOOD, 404, "isn't served"),
        ("POST", ":classify", GOOD, 404, "No such path"),
        ("GET", "%09", None, 404, "No such path"),
        ("GET", "%2Fversions%2F1", None, 404, "No such path"),
        ("GET", "/versions/01", None, 404, "No such path"),
        ("POST", ":predict", {**GOOD, "signature_name": ""}, 400, "must be one of"),
        ("GET", "/versions/7", None, 404, "Could not find"),
        ("GET", "s", None, 404, "No such path"),
        ("GET", "/../../secret", None, 404, "No such path"),
        ("GET", ":predict", None, 405, "takes POST"),
        ("DELETE", "", None, 405, "takes GET"),
    ],
)
def test_errors_have_their_status_and_a_reason(server, method, path, body, status, reason):
    found, answer = server.ask(method, path, body)
    assert found == status
    assert reason in answer["error"]


def test_head_answers_without_a_body(server):
    assert server.head("") == (200, b"")
    assert server.head("/versions/7")[0] == 404


def test_body_without_a_length_is_cut_off_at_the_limit(server):
    chunks = iter([b" " * 4000, b" " * 4000])
    assert server.ask("POST", ":predict", chunks)[0] == 413


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    body=st.binary(max_size=80)
    | st.binary(max_size=20).map(lambda noise: json.dumps(GOOD).encode()[:-1] + noise)
    | st.integers(0, 40).map(lambda cut: json.dumps(GOOD).encode()[:cut]),
    path=st.sampled_from([":predict", "/versions/1:predict"]),
)
def test_any_bytes_are_refused_or_answered_and_the_process_lives_on(server, body, path):
    status, answer = server.ask("POST", path, body)
    assert (status == 200 and "predictions" in answer) or (status == 400 and answer["error"])
    assert server.process.poll() is None


def test_only_this_machine_is_listened_to(server):
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()
    sockets = [line.split()[1:4] for line in lines]
    listening = [address for address, _, state in sockets if state == "0A"]
    assert [a for a in listening if a.endswith(f":{server.port:04X}")] == [
        f"0100007F:{server.port:04X}"
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["movies"], "NAME=FOLDER"),
        (["movies=/no/such/folder"], "with a folder that exists"),
        (["a/b=."], "NAME=FOLDER"),
        (["movies=.", "--max-k", "0"], "`k` must be positive, received k=0"),
        (["movies=.", "movies=."], "received two for movies"),
        (["movies=.", "--port", "65536"], "`--port` must be from 0 to 65535, received 65536"),
        (["movies=.", "--port", "x"], "invalid int value: 'x'"),
        (["movies=.", "--host", "999.1.1.1"], "can't listen at 999.1.1.1, port 8501"),
        (["movies=.", "--label", "movies=3"], "`--label` is NAME:LABEL=VERSION"),
        (["movies=.", "--label", "m:a=3"], "`labels` must be of the models"),
        (["movies=.", "--poll-seconds", "0"], "`poll_seconds` must be from 0.01 to 86,400"),
        (["movies=.", "--poll-seconds", "nan"], "`poll_seconds` must be from 0.01 to 86,400"),
        (["movies=.", "--poll-seconds", "inf"], "`poll_seconds` must be from 0.01 to 86,400"),
    ],
)
def test_command_line_tells_what_is_wrong(arguments, reason, capsys):
    from tfrs_ext.serving.rest.__main__ import main

    with pytest.raises(SystemExit) as end:
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert end.value.code == 1


def test_port_that_is_in_use_is_told_in_one_line(tmp_path, capsys):
    from tfrs_ext.serving.rest.__main__ import main

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit):
            main([f"movies={tmp_path}", "--port", str(port)])
    assert capsys.readouterr().err == (
        f"error: can't listen at 127.0.0.1, port {port}: Address already in use\n"
    )


def test_missing_server_is_named_with_the_way_to_install_it(tmp_path, capsys, monkeypatch):
    from tfrs_ext.serving.rest.__main__ import main

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "tfrs_ext.serving.rest.connections", raising=False)
    with pytest.raises(SystemExit):
        main([f"movies={tmp_path}"])
    said = capsys.readouterr().err
    assert said.startswith("error: the server needs uvicorn, which is missing")
    assert 'pip install "tfrs-ext[serve]"' in said


def test_limits_are_positive():
    assert create_app({}, limits=Limits(rows=1))
    with pytest.raises(ValueError, match="`rows` must be positive, received rows=-1"):
        Limits(rows=-1)


def test_answers_are_logged_as_impressions(server, version):
    inputs = {"user_id": ["u3", "u4"], "k": 2, "exclusions": [[], []]}
    body = {"signature_name": "recommend", "inputs": inputs}
    _, answer = server.ask("POST", ":predict", body)
    shown = serving.read_impressions(version.parent.parent / "answers")
    shown = shown[shown["user_id"].isin(["u3", "u4"])].tail(4)
    assert shown["item_id"].tolist() == np.ravel(answer["outputs"]["item_id"]).tolist()
    assert shown["position"].tolist() == [1, 2, 1, 2]
    np.testing.assert_allclose(shown["score"], np.ravel(answer["outputs"]["score"]), rtol=1e-4)
    assert set(shown["version"]) == {1}

"""Connections over a real socket: none waits for ever, and none is cut off at the end."""

import contextlib
import http.client
import socket
import threading
import time

import pytest

from tests.serving.rest.test_app import PREDICT, make_app
from tfrs_ext.serving.rest import Limits, connections
from tfrs_ext.serving.rest.connections import make_server


@contextlib.contextmanager
def serving(predict, **limits):
    """Yields a running server and its port."""
    app = make_app(predict, **limits)
    server = make_server(app, Limits(**limits))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield server, port
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /health HTT",
        b"GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET /health HTT",
        b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
    ],
    ids=["silent", "slow head", "slow second head", "slow body"],
)
def test_clients_that_do_not_go_on_are_let_go(sent):
    with (
        serving(lambda *_: b"{}", header_seconds=0.2, body_seconds=0.2) as (_, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.sendall(sent)
        client.settimeout(5)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(4096):
                received += part
    assert received.startswith(b"HTTP/1.1" if b"\r\n\r\n" in sent else b"")
    assert (b"408" in received) == sent.startswith(b"POST")


def test_what_was_sent_before_the_end_is_answered():
    errors, answers, stop = [], [], threading.Event()

    def client(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while not stop.is_set():
            try:
                connection.request("POST", PREDICT, b"{}")
                answer = connection.getresponse()
                answers.append((answer.status, answer.read()))
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException) as error:
                errors.append(error)
                return

    def predict(*_):
        time.sleep(0.02)
        return b"{}"

    with serving(predict) as (server, port):
        clients = [threading.Thread(target=client, args=(port,)) for _ in range(8)]
        for thread in clients:
            thread.start()
        time.sleep(0.3)
        server.should_exit = True
        for thread in clients:
            thread.join(20)
    stop.set()
    assert errors == []
    assert set(answers) == {(200, b"{}")}
    assert len(answers) > 8


def test_trouble_in_the_loop_is_told_in_one_line(caplog):
    def fail():
        raise OSError(24, "Too many open files")

    with serving(lambda *_: b"{}") as (server, port):
        for _ in range(3):
            server.servers[0].get_loop().call_soon_threadsafe(fail)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b'{"status":"ok"}'
        connection.close()
    (line,) = [text for text in caplog.messages if "Too many open files" in text]
    assert "\n" not in line


def test_the_same_trouble_is_told_once_a_minute(caplog, monkeypatch):
    now, quiet = [0.0], connections._Quiet()
    monkeypatch.setattr(connections.time, "monotonic", lambda: now[0])
    for second in range(130):
        now[0] = float(second)
        quiet(None, {"message": "no file descriptors"})
    quiet(None, {"message": "something else"})
    said = [text.partition(":")[0] for text in caplog.messages]
    assert said == ["no file descriptors"] * 3 + ["something else"]

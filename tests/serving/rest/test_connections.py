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
from tfrs_ext.serving.rest.protocol import PROTOCOLS


@pytest.fixture(params=PROTOCOLS, ids=lambda parser: parser.__name__)
def parser(request, monkeypatch):
    """A test of what depends on the parser runs with each that is installed."""
    monkeypatch.setattr(connections, "PROTOCOLS", [request.param])


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
def test_clients_that_do_not_go_on_are_let_go(sent, parser):
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


def test_what_was_sent_before_the_end_is_answered(parser):
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


def test_a_head_without_an_end_is_refused(parser):
    sent = b"GET /health HTTP/1.1\r\nhost: x\r\n" + b"x: " + b"y" * 300_000
    with (
        serving(lambda *_: b"{}") as (_, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.settimeout(5)
        received = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            client.sendall(sent)
            while part := client.recv(4096):
                received += part
    assert received[:12] in (b"HTTP/1.1 400", b"")  # A reset may come before the answer is read.


def test_requests_sent_without_a_pause_are_answered_in_their_order(parser):
    head = b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n" % PREDICT.encode()
    with (
        serving(lambda name, version, body: b"[" + body + b"]") as (_, port),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        client.settimeout(5)
        client.sendall(b"".join(head + b"%d" % i for i in range(4)))
        received = b""
        while received.count(b"]") < 4:
            received += client.recv(4096)
    assert [received.index(b"[%d]" % i) for i in range(4)] == sorted(
        received.index(b"[%d]" % i) for i in range(4)
    )


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

import contextlib
import functools
import http.server
import threading
import zipfile

import pytest

from tfrs_ext.data.download import download_zip


@contextlib.contextmanager
def _serving(folder, short=False):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def copyfile(self, source, target):
            content = source.read()
            target.write(content[: len(content) // 2] if short else content)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with zipfile.ZipFile(folder / "ml-1m.zip", "w") as archive:
        archive.writestr("ml-1m/ratings.dat", "1::2::3::4\n" * 100)
    (folder / "broken.zip").write_bytes(b"no zip file")
    return folder


def test_fetches_once(served, tmp_path):
    cache = tmp_path / "cache" / "deep"
    with _serving(served) as address:
        path = download_zip(f"{address}/ml-1m.zip", cache)
        assert zipfile.is_zipfile(path)
    assert download_zip(f"{address}/ml-1m.zip", cache) == path  # The server is gone.
    assert [file.name for file in cache.iterdir()] == ["ml-1m.zip"]


@pytest.mark.parametrize(
    ("name", "short", "cause"),
    [
        ("ml-1m.zip", True, "bytes came"),
        ("broken.zip", False, "not a zip file"),
        ("none.zip", False, "404"),
    ],
)
def test_leaves_nothing_behind_where_it_fails(served, tmp_path, name, short, cause):
    cache = tmp_path / "cache"
    message = f"{cause}.*Download it by hand and give the file"
    with _serving(served, short) as address, pytest.raises(ConnectionError, match=message):
        download_zip(f"{address}/{name}", cache)
    assert list(cache.iterdir()) == []


def test_says_so_where_there_is_no_network(tmp_path):
    with pytest.raises(ConnectionError, match=r"Could not download http://127\.0\.0\.1:9/x\.zip"):
        download_zip("http://127.0.0.1:9/x.zip", tmp_path)

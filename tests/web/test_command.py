"""`veriband web` as its user meets it: where it listens, what it refuses, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.web.contest import contest
from tests.web.site import Site, site
from veriband.cli import main
from veriband.web import server
from veriband.web.server import listen


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Site]:
    path = tmp_path / "veriband.db"
    contest(path).store.close()
    with site(path) as its:
        yield its


def status(port: int, host: str) -> int:
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/", headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_it_listens_on_the_loopback_only_and_knows_its_names(running: Site) -> None:
    assert status(running.port, f"127.0.0.1:{running.port}") == 200
    assert status(running.port, f"localhost:{running.port}") == 200
    assert status(running.port, "127.0.0.1:1") == 421
    with socket.socket() as other:  # another address of this computer
        assert other.connect_ex(("127.0.0.2", running.port)) != 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_without_a_word_though_a_browser_holds_on(
    running: Site, way: signal.Signals
) -> None:
    connection = HTTPConnection("127.0.0.1", running.port)
    connection.request("GET", "/")
    assert b"anna" in connection.getresponse().read()
    running.process.send_signal(way)
    output, errors = running.process.communicate()
    assert (output, errors) == ("", "")
    assert running.process.returncode == -way
    connection.close()


def test_a_port_that_is_taken_is_told_with_what_to_do(tmp_path: Path) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        store = str(tmp_path / "veriband.db")
        done = CliRunner().invoke(main, ["--store", store, "web", "--port", str(port)])
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: Port {port} of this computer cannot be had: Address already in use. Choose "
        "another with --port; --port 0 takes any that is free.\n"
    )


def test_a_store_that_cannot_be_used_is_told_before_anything_is_served(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--store", str(tmp_path / "a" / "\0"), "web"])
    assert done.exit_code != 0
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"no database " * 500)
    done = CliRunner().invoke(main, ["--store", str(path), "web"])
    assert done.exit_code == 1
    assert "cannot be opened" in done.stderr
    assert "Veriband's pages" not in done.stdout


def test_the_page_is_opened_in_the_browser_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(server, "serve", lambda its, *_: its.close())
    store = str(tmp_path / "veriband.db")
    done = CliRunner().invoke(main, ["--store", store, "web", "--port", "0", "--open"])
    assert done.exit_code == 0, done.output
    assert opened and opened[0] in done.stdout


@pytest.mark.parametrize("package", ["htpy", "starlette", "uvicorn"])
def test_without_its_packages_it_says_how_to_have_them(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from veriband.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "web"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: 'veriband web' needs {package}, which is not installed: pip install "
        "'veriband[web]', or in a checkout of Veriband 'make dev'.\n"
    )

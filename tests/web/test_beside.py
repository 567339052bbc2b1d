"""`veriband run` with its pages: neither holds the other up."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from bleak.backends.scanner import BaseBleakScanner
from click.testing import CliRunner, Result

from tests.web.site import Site, site
from tests.web.ward import ward
from veriband import run_command
from veriband.cli import main
from veriband.link.radio import Radio
from veriband.web import beside, server
from veriband.web.beside import WITHOUT
from veriband_simulator import clock


class NoScanner(BaseBleakScanner):
    """A radio on which no scan begins."""

    def __init__(self, callback: Any, service_uuids: Any, mode: str, **_: Any) -> None:
        super().__init__(callback, service_uuids)

    async def start(self) -> None:
        raise ValueError("InProgress")

    async def stop(self) -> None:
        pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "veriband.db"
    ward(path, time.time_ns() // 1_000_000).store.close()
    return path


@pytest.fixture
def running(path: Path) -> Iterator[Site]:
    with site(path, "run") as its:
        yield its


def asked(its: Site) -> bytes:
    connection = HTTPConnection("127.0.0.1", its.port, timeout=30)
    connection.request("GET", "/care")
    answer = connection.getresponse().read()
    connection.close()
    return answer


def daemon(path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """What it does in ten minutes of a virtual clock."""
    monkeypatch.setattr(run_command, "system_radio", lambda: Radio(scanner=NoScanner))
    monkeypatch.setattr(asyncio, "run", lambda work: clock.run(work, limit_s=600))
    return CliRunner().invoke(main, ["--store", str(path), "run", *arguments])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_the_daemon_serves_its_pages_until_it_is_stopped(running: Site) -> None:
    assert b"anna" in asked(running)
    running.process.send_signal(signal.SIGINT)
    _, errors = running.process.communicate()
    assert running.process.returncode == 130
    assert errors.endswith("Stopped. Everything that was fetched is stored.\n")
    assert "Traceback" not in errors


def test_a_slow_browser_keeps_nobody_waiting(running: Site) -> None:
    with ExitStack() as stack:
        for _ in range(40):  # begins to ask, and never ends
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
            slow.sendall(b"GET /care HTTP/1.1\r\nHost: ")
        for _ in range(4):  # asks, and never reads
            deaf = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
            request = f"GET /care HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n"
            deaf.sendall(request.encode() * 200)
        assert b"anna" in asked(running)
    assert running.process.poll() is None


def test_a_port_that_is_taken_is_told_and_the_daemon_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.listen(0) as taken:
        port = taken.getsockname()[1]
        done = daemon(path, monkeypatch, "--port", str(port))
    assert isinstance(done.exception, clock.Deadlock), "it goes on and on"
    assert f"Port {port} of this computer cannot be had: Address already in use." in done.stderr
    assert f"{WITHOUT}." in done.stderr
    assert "Veriband's pages" not in done.stdout
    assert "ALERT" in done.stdout


def test_without_the_packages_for_pages_the_daemon_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "veriband.web.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = daemon(path, monkeypatch, "--port", "0")
    assert isinstance(done.exception, clock.Deadlock)
    assert f"{WITHOUT}, for which uvicorn is missing: pip install 'veriband[web]'" in done.stderr


def test_pages_that_fail_are_told_and_the_daemon_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AtOnce:
        """A thread that has run before it is waited for."""

        def __init__(self, target: Any, **_: Any) -> None:
            self.start = target

    def fail(its: socket.socket, _: Any) -> None:
        its.close()
        raise RuntimeError("no loop")

    monkeypatch.setattr(beside, "Thread", AtOnce)
    monkeypatch.setattr(server, "run", fail)
    done = daemon(path, monkeypatch, "--port", "0")
    assert isinstance(done.exception, clock.Deadlock)
    assert f"{WITHOUT}, which have failed: no loop" in done.stderr

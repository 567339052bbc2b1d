"""`veriband service`: `veriband run` as a service of the user's systemd."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from veriband.errors import VeribandError
from veriband.service.unit import MARK, NAME, unit

LINGER = Path("/var/lib/systemd/linger")
_SHOWN = ("ActiveState", "SubState", "UnitFileState", "NRestarts", "StatusText")
_ELSEWHERE = {
    "darwin": "let launchd start 'veriband run' (a plist in ~/Library/LaunchAgents)",
    "win32": "let the Task Scheduler start 'veriband run' when you log in",
}


class NoService(VeribandError):
    """Systemd is not there, or does not do what it was asked for."""


@click.group()
def service() -> None:
    """Have systemd run 'veriband run' whenever you are logged in, or from the start on (Linux)."""


@service.command()
@click.option("--user", "for_user", is_flag=True, help="As a service of yours; there is no other.")
@click.pass_context
def install(ctx: click.Context, for_user: bool) -> None:
    """Write the unit and start it, with the --store, --zone and --config given before 'service'.

    It is started again when it fails or hangs.
    """
    if not for_user:
        raise click.UsageError(
            "Say --user: bonds and the store are a user's, so Veriband is no service of the whole "
            "computer's."
        )
    _reachable()
    path, text = _path(), unit(_command(ctx))
    if path.exists() and not path.read_text("utf-8").startswith(MARK):
        raise NoService(
            f"{path} was not written by Veriband, and was left as it is: move it away."
        )
    _verify(text)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise NoService(f"{path} cannot be written: {error.strerror}.") from error
    _systemctl("daemon-reload")
    _systemctl("enable", NAME)
    _systemctl("restart", NAME)
    click.echo(f"Wrote and started {path}.")
    click.echo("What it says: journalctl --user -u veriband -f")
    if not _lingers():
        click.echo(_how_to_linger())


@service.command()
def remove() -> None:
    """Stop the service and delete its unit; the store stays."""
    path = _path()
    if not path.exists():
        click.echo(f"There is no {path}: nothing to remove.")
        return
    _reachable()
    if not path.read_text("utf-8").startswith(MARK):
        raise NoService(f"{path} was not written by Veriband, and was left as it is.")
    _systemctl("disable", "--now", NAME)
    path.unlink()
    _systemctl("daemon-reload")
    click.echo(f"Stopped the service and deleted {path}.")


@service.command()
@click.option("--json", "in_json", is_flag=True, help="One JSON object.")
@click.pass_context
def show(ctx: click.Context, in_json: bool) -> None:
    """Show whether the service is installed and how it is; if it is not, the unit it would be."""
    path = _path()
    is_there, its = path.exists(), dict[str, str]()
    if is_there:
        _reachable()
        lines = _systemctl("show", NAME, f"--property={','.join(_SHOWN)}").splitlines()
        its = {name: value for name, _, value in (line.partition("=") for line in lines)}
    text = path.read_text("utf-8") if is_there else unit(_command(ctx))
    if in_json:
        click.echo(
            json.dumps(
                {
                    "path": str(path),
                    "is_installed": is_there,
                    "is_active": its.get("ActiveState") == "active",
                    "lingers": _lingers(),
                    "systemd": its,
                    "unit": text,
                }
            )
        )
        return
    if not is_there:
        click.echo(f"It is not installed; 'veriband service install --user' would write {path}:")
        click.echo(text, nl=False)
        return
    click.echo(f"{path}")
    click.echo(
        f"{its.get('ActiveState', '?')} ({its.get('SubState', '?')}), "
        f"{its.get('UnitFileState', '?')}, started again {its.get('NRestarts', '?')} times"
    )
    click.echo("It goes on when you are logged out." if _lingers() else _how_to_linger())


def _path() -> Path:
    """Where the user's unit lies. Raises NoService without a home."""
    try:
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    except RuntimeError as error:
        raise NoService("There is no home folder for the unit: set HOME.") from error
    return Path(home) / "systemd" / "user" / NAME


def _command(ctx: click.Context) -> list[str]:
    path, zone, configuration = ctx.obj
    options = {
        "--store": path and path.absolute(),
        "--zone": zone,
        "--config": configuration and configuration.absolute(),
    }
    given = [part for name, value in options.items() if value for part in (name, str(value))]
    return [sys.executable, "-m", "veriband", *given, "run"]


def _reachable() -> None:
    """Raises NoService where there is no systemd of the user's, with what to do instead."""
    if sys.platform != "linux":
        advice = _ELSEWHERE.get(sys.platform, "have your system's own start 'veriband run'")
        raise NoService(f"There is no systemd here: {advice}.")
    if shutil.which("systemctl") is None:
        raise NoService("There is no systemd here: have what starts services run 'veriband run'.")
    try:
        _systemctl("show-environment")
    except NoService as error:
        raise NoService(
            f"{error} It is there where you have logged in yourself (not by 'su' or 'sudo'); "
            "in a container have what starts the container run 'veriband run'."
        ) from error


def _systemctl(*arguments: str) -> str:
    """What the user's systemd says. Raises NoService."""
    done = subprocess.run(
        ["systemctl", "--user", "--no-pager", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        why = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise NoService(f"'systemctl --user {' '.join(arguments)}' failed: {why[0]}.")
    return done.stdout


def _verify(text: str) -> None:
    """Have systemd look at the unit before it is anywhere, if it can. Raises NoService."""
    if shutil.which("systemd-analyze") is None:
        return
    with tempfile.TemporaryDirectory(prefix="veriband-unit-") as folder:
        path = Path(folder) / NAME
        path.write_text(text, "utf-8")
        done = subprocess.run(
            ["systemd-analyze", "verify", "--user", "--man=no", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise NoService(f"systemd does not take the unit: {done.stderr.strip()}")


def _lingers() -> bool:
    return (LINGER / getpass.getuser()).exists()


def _how_to_linger() -> str:
    return (
        "It runs while you are logged in. To have it from the start of the computer on: "
        f"loginctl enable-linger {getpass.getuser()}"
    )

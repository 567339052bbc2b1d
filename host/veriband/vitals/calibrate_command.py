"""`veriband calibrate`: the cuff that a blood pressure goes by."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import click

from veriband.context import open_store, utc_ms, zone_of
from veriband.link import calibration
from veriband.link.radio import system_radio
from veriband.link.reach import FIND_S
from veriband.link.session import Calibration, Session, connected
from veriband.vitals.pressure import CAUTION, holding, progress


def _run(work: Coroutine[Any, Any, None], stopped: str) -> None:
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        click.echo(stopped, err=True)
        sys.exit(130)


@asynccontextmanager
async def _session(address: str) -> AsyncGenerator[Session]:
    radio = system_radio()
    device, _ = await radio.find(address, FIND_S)
    async with connected(radio, device) as session:
        yield session


class _Cuff(click.ParamType[tuple[int, int]]):
    name = "mmHg/mmHg"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        numbers = str(value).split("/")
        if len(numbers) != 2 or not all(n.isascii() and n.isdecimal() for n in numbers):
            self.fail("a reading of a cuff is systolic/diastolic in mmHg, as 128/82")
        return int(numbers[0]), int(numbers[1])


@click.command()
@click.argument("address")
@click.option(
    "--cuff", "readings", type=_Cuff(), multiple=True, help="A reading, as 128/82; three times."
)
@click.pass_context
def calibrate(ctx: click.Context, address: str, readings: tuple[tuple[int, int], ...]) -> None:
    """Teach a band's blood-pressure hub by three readings of a cuff, every 30 days.

    Sit still for five minutes. Take three readings on the upper arm, a minute between them. Then
    lay a fingertip on the hub on the strip, the hand rested at the height of the heart, and leave
    it there for a minute. Without --cuff it says how the calibration stands.
    """
    band, zone = open_store(ctx, reading=True).band(address), zone_of(ctx)

    def tell(state: Calibration) -> None:
        if state.is_running:
            click.echo(progress(state), err=True)

    async def look() -> None:
        async with _session(band.address) as session:
            state = await session.calibration()
        if state.is_running:
            click.echo(f"A calibration is under way, {progress(state)}.")
        click.echo(holding(state.utc_s, zone))

    async def begin() -> None:
        ended = await calibration.calibrate(
            system_radio(), band.address, readings, utc_ms, zone, tell
        )
        click.echo(f"{holding(ended.utc_s, zone)}\n{CAUTION}")

    _run(
        begin() if readings else look(),
        "Stopped looking on. The band goes on with what it began: 'veriband calibrate "
        f"{band.address}' without --cuff says what came of it.",
    )

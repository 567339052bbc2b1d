"""`veriband calibrate`: the cuff that a blood pressure goes by."""

from __future__ import annotations

import json
from typing import Any

import click

from veriband import completion
from veriband.civil import iso
from veriband.context import open_store, run_until_stopped, utc_ms, zone_of
from veriband.link import calibration
from veriband.link.radio import system_radio
from veriband.link.reach import reached
from veriband.link.session import Calibration
from veriband.vitals.pressure import holding, progress
from veriband.vitals.words import CAUTION, ESTIMATED
from veriband_protocol.control import CALIBRATION_S


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
@click.argument("address", shell_complete=completion.bands)
@click.option(
    "--cuff", "readings", type=_Cuff(), multiple=True, help="A reading, as 128/82; three times."
)
@click.option("--json", "in_json", is_flag=True, help="A JSON object.")
@click.pass_context
def calibrate(
    ctx: click.Context, address: str, readings: tuple[tuple[int, int], ...], in_json: bool
) -> None:
    """Teach a band's blood-pressure hub by three readings of a cuff, every 30 days.

    Sit still for five minutes. Take three readings on the upper arm, a minute between them. Then
    lay a fingertip on the hub on the strip, the hand rested at the height of the heart, and leave
    it there for a minute. Without --cuff it says how the calibration stands.
    """
    store, zone = open_store(ctx, reading=True), zone_of(ctx)
    band = store.band(address)
    sleeps = store.sleeps(band, utc_ms())

    def tell(state: Calibration) -> None:
        if state.is_running:
            click.echo(progress(state), err=True)

    def tell_programs(state: Calibration) -> None:
        made = iso(1000 * state.utc_s, zone) if state.utc_s else None
        until = iso(1000 * (state.utc_s + CALIBRATION_S), zone) if state.utc_s else None
        click.echo(
            json.dumps(
                {
                    "band": band.address,
                    "is_running": state.is_running,
                    "progress_percent": state.progress if state.is_running else None,
                    "calibrated": made,
                    "holds_until": until,
                    "caution": CAUTION,
                }
            )
        )

    async def look() -> None:
        async with reached(system_radio(), band.address, sleeps) as session:
            state = await session.calibration()
        if in_json:
            tell_programs(state)
            return
        if state.is_running:
            click.echo(f"A calibration is under way, {progress(state)}.")
        click.echo(holding(state.utc_s, zone))

    async def begin() -> None:
        on_band = store.zone_on(band, utc_ms(), zone)
        ended = await calibration.calibrate(
            system_radio(), band.address, readings, utc_ms, on_band, tell, sleeps
        )
        if in_json:
            tell_programs(ended)
        else:
            click.echo(f"{holding(ended.utc_s, zone)}\n{ESTIMATED}\n{CAUTION}")

    run_until_stopped(
        begin() if readings else look(),
        "Stopped looking on. The band goes on with what it began: 'veriband calibrate "
        f"{band.address}' without --cuff says what came of it.",
    )

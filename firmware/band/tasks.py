"""Runs tasks: what fails in one ends them all, also in one that nobody awaits."""

import asyncio


async def run(*tasks) -> None:
    """Run `tasks` and those that they begin; raises what the first one that fails raises."""
    asyncio.get_event_loop().set_exception_handler(_fail)
    await asyncio.gather(*tasks)


def _fail(_, context) -> None:
    raise context["exception"]

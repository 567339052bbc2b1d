"""All commands that there are, by walking from the first."""

from collections.abc import Iterator

import click


def commands(
    group: click.Group, name: str = "", ctx: click.Context | None = None
) -> Iterator[tuple[str, click.Command]]:
    """(name, command), groups and what is in them."""
    ctx = ctx or click.Context(group)
    for each in group.list_commands(ctx):
        command = group.get_command(ctx, each)
        assert command is not None
        yield f"{name} {each}".strip(), command
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {each}".strip(), ctx)

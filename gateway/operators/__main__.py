"""`qabyldau`, the operators' command line. Exit code 1: not done, and why; 2: a wrong call or setting."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import rich_click as click

from config.settings import SettingsError, find_redis_url, load_settings
from gateway.domain.controls import HIGHEST_LIMIT, LOWEST_LIMIT
from gateway.domain.programme import Programme, ProgrammeError, load_programmes
from gateway.inflight.steering import ControlsChanged, NotServed, change_controls, read_controls
from gateway.inflight.store import Store, StoreUnavailable, open_redis

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def qabyldau() -> None:
    """Steer the intake of applications."""


@qabyldau.group()
def limit() -> None:
    """Show or change how many applications are in process at once."""


@limit.command("show")
@click.argument("programme")
def show(programme: str) -> None:
    """Print the limit of PROGRAMME that is in force."""
    controls = _ask(programme, read_controls)
    click.echo(controls.values["limit"])


@limit.command("set")
@click.argument("programme")
@click.argument("value", type=click.IntRange(LOWEST_LIMIT, HIGHEST_LIMIT))
@click.option("--expected", type=int, help="Change it only if it still is this.")
def change(programme: str, value: int, expected: int | None) -> None:
    """Set the limit of PROGRAMME to VALUE.

    It holds at once in every process, is kept over restarts, and evicts nobody.
    """
    known = {} if expected is None else {"limit": expected}
    old = _ask(programme, lambda store, file: change_controls(store, file, {"limit": value}, known))
    click.echo(f"{programme}: {old['limit']} -> {value}")


def _ask(programme: str, question: Callable[[Store, Programme], Awaitable[T]]) -> T:
    try:
        settings = load_settings()
        file = load_programmes(settings.programmes_dir).get(programme)
        if file is None:
            raise click.BadParameter(f"there is no programme {programme}", param_hint="PROGRAMME")
        asking = _with_store(
            find_redis_url(settings), settings.redis_timeout_ms, lambda store: question(store, file)
        )
        return asyncio.run(asking)
    except (SettingsError, ProgrammeError) as error:
        raise click.UsageError(str(error)) from None
    except StoreUnavailable:
        raise click.ClickException("Redis does not answer; nothing is known to have changed") from None
    except (ControlsChanged, NotServed) as error:
        raise click.ClickException(f"{programme}: {error}") from None


async def _with_store(redis_url: str, timeout_ms: int, question: Callable[[Store], Awaitable[T]]) -> T:
    redis = open_redis(redis_url, timeout_ms)
    try:
        return await question(Store(redis))
    finally:
        await redis.aclose()


if __name__ == "__main__":
    sys.exit(qabyldau(prog_name="qabyldau"))

"""Composition root: settings, keys, checks, then the programs."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from config.keys import KeysError, create_keys
from config.settings import Settings, SettingsError, embedded_url_file, load_settings
from gateway.domain.programme import ProgrammeError, load_programmes
from gateway.domain.texts import TextsError, load_texts
from supervisor.child import EXIT_BAD_SETTING
from supervisor.greeting import greet
from supervisor.preflight import PreflightError, check_port, find_valkey_port, hold_data_dir
from supervisor.stack import STORE, build_stack
from supervisor.supervise import EXIT_BROKEN, Supervisor
from supervisor.terminal import Terminal
from supervisor.valkey import ValkeyError, url


def main(arguments: Sequence[str]) -> int:
    """Return 0 after a requested stop, 1 when it cannot run here, 2 for a bad setting."""
    parser = argparse.ArgumentParser(prog="python -m supervisor", description=__doc__)
    parser.add_argument("--until-exit-of", type=int, metavar="PID", help="stop when this parent is gone")
    parser.add_argument(
        "--store-only", action="store_true", help="start the embedded Valkey alone, as `settle` wants it"
    )
    options = parser.parse_args(arguments)
    try:
        return _run(load_settings(), options.until_exit_of, store_only=options.store_only)
    except (SettingsError, KeysError, ProgrammeError, TextsError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BAD_SETTING
    except (PreflightError, ValkeyError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_BROKEN


def _run(settings: Settings, parent: int | None, *, store_only: bool) -> int:
    lock = hold_data_dir(settings.data_dir)
    try:
        create_keys(settings.keys_path)
        # The programs read these themselves; read here first, what is wrong is said once.
        load_programmes(settings.programmes_dir)
        load_texts(settings.messages_dir)
        check_port(settings.host, settings.port, "QABYLDAU_PORT")
        check_port(settings.operators_host, settings.operators_port, "QABYLDAU_OPERATORS_PORT")
        check_port("127.0.0.1", settings.standins_port, "QABYLDAU_STANDINS_PORT")
        valkey_port = None if settings.redis_url else find_valkey_port(settings.data_dir)
        store = "the Redis of QABYLDAU_REDIS_URL" if valkey_port is None else url(valkey_port)
        children = build_stack(settings, valkey_port)
        if store_only and valkey_port is None:
            raise PreflightError("QABYLDAU_REDIS_URL names the Redis: start that one")
        if store_only:
            children = [child for child in children if child.name == STORE]
        terminal = Terminal(sys.stdout.fileno())
        supervisor = Supervisor(children, terminal)
        if valkey_port is not None:
            embedded_url_file(settings).write_text(url(valkey_port))
        said = f"Valkey alone: {store}" if store_only else greet(settings, store)
        code = asyncio.run(supervisor.run(lambda: terminal.say(said), parent))
        terminal.close()
        return code
    finally:
        embedded_url_file(settings).unlink(missing_ok=True)
        os.close(lock)

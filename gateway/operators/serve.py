"""`python -m gateway.operators.serve`: the operators' process, one for the gateways of a data directory."""

import os
import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from config.settings import Settings, load_settings
from gateway.logs import configure_logs, library_logging
from gateway.operators.app import STOP_WATCHING, create_operators_app

# The supervisor takes it for: the settings are wrong, starting again would not help.
EXIT_BAD_SETTING = 2

# A scrape ends within the deadline of Redis; the supervisor waits ten seconds.
STOP_SECONDS = 8


def main() -> None:
    try:
        settings = load_settings()
        # What is wrong is said here once, and not by the serving process again and again.
        create_operators_app(settings)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_BAD_SETTING)
    configure_logs(settings.log_level)
    _server(settings).serve()


# A browser on a slow line sends its headers within it; also how long an idle connection is kept.
HEADER_TIMEOUT_MS = 5_000

# Nobody has more headers than this; above it the server refuses without a body.
MOST_BUFFERED_BYTES = 65_536


class _Server(MPServer):
    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Let those who watch go first: the server waits for them."""
        for worker in self.wrks:
            if worker.inner.is_alive():
                os.kill(worker.inner.pid, STOP_WATCHING)
        super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]  # It has no types.


def _server(settings: Settings) -> MPServer:
    return _Server(
        "gateway.operators.app:app_from_environment",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.operators_host,
        port=settings.operators_port,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=MOST_BUFFERED_BYTES
        ),
        websockets=False,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=library_logging(settings.log_level),
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()

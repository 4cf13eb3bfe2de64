"""`python -m gateway`: the public HTTP processes, under one server that restarts those that die."""

import resource
import socket
import sys

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketSpec  # type: ignore[attr-defined]  # It has this name there only.
from granian.server.mp import MPServer

from config.settings import Settings, load_settings
from gateway.app import create_app, read_keys
from gateway.counting import begin_anew, folder_of
from gateway.logs import configure_logs, library_logging

# The supervisor takes it for: the settings are wrong, starting again would not help.
EXIT_BAD_SETTING = 2

# Also how long an idle connection is kept: a browser on a slow line sends its headers within it.
HEADER_TIMEOUT_MS = 5_000

# The edge refuses headers above 16 kB properly; above this the server does, without a body.
MOST_BUFFERED_BYTES = 65_536

# Connections waiting to be taken: what the kernel of most systems allows at most.
BACKLOG = 4_096

# Granian counts connections, idle ones too, and lets the next wait: whoever opens as many and says nothing
# would keep everybody out. So it is as many as files may be open, with room for the stores, and no more than
# memory bears: an idle connection takes some ten kilobytes.
MOST_CONNECTIONS = 65_536
FILES_OF_OUR_OWN = 1_024

# An answer that nobody reads holds its connection this long.
UNREAD_TIMEOUT_MS = 10_000

# A request ends within the deadlines of body, Redis and register; the supervisor waits ten seconds.
STOP_SECONDS = 8


def main() -> None:
    try:
        settings = load_settings()
        # What is wrong with any file is said here once, and not by each process again and again.
        create_app(settings, read_keys(settings))
        begin_anew(folder_of(settings.counts_dir, settings.port))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_BAD_SETTING)
    configure_logs(settings.log_level)
    _server(settings, _allow_open_files()).serve()


def _allow_open_files() -> int:
    """Take as many as the system grants, for a shell gets few by default; return how many connections fit."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(max(most - FILES_OF_OUR_OWN, most // 2), MOST_CONNECTIONS)


class _Server(MPServer):
    def _init_shared_socket(self) -> None:
        """Listen with one socket for all processes, so that the server's own deadlines can be completed.

        It has none for answers that are not read; the kernel has one, and connections inherit it. And whoever
        waits to be taken does not belong to one process, to be lost with it.
        """
        listening = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        self._ssp, self._shd = None, listening  # type: ignore[assignment]  # Typed by its first value.
        self._sfd = listening.get_fd()
        self._sso = socket.socket(fileno=self._sfd)
        self._sso.set_inheritable(True)
        self._sso.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_TIMEOUT_MS)


def _server(settings: Settings, connections: int) -> MPServer:
    return _Server(
        "gateway.app:app_from_environment",
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        workers=settings.gateways,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=MOST_BUFFERED_BYTES
        ),
        websockets=False,
        backlog=BACKLOG,
        backpressure=connections,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=library_logging(settings.log_level),
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )


if __name__ == "__main__":
    main()

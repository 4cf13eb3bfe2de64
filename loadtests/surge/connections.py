"""The connections to the service: those of a proxy that stands before it, kept open and shared by all people.

Who comes through is told apart by X-Forwarded-For.
"""

import time
from typing import Any

from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.url import URL

# The gateway closes a connection that was idle for five seconds. One that is about to be closed is not used
# again: what is sent just then is lost, and nobody could say whether it took effect.
_MOST_IDLE_SECONDS = 3.0

# An answer that takes longer does not come any more: people have reloaded the page by then.
_ANSWER_SECONDS = 15.0

# Enough that nobody waits for one.
_CONNECTIONS = 4_000


class _FreshConnections(ConnectionPool):  # type: ignore[misc]  # geventhttpclient is not in this environment.
    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            host,
            port,
            host,
            port,
            size=_CONNECTIONS,
            connection_timeout=_ANSWER_SECONDS,
            network_timeout=_ANSWER_SECONDS,
        )
        self._idle_since: dict[Any, float] = {}

    def get_socket(self) -> Any:
        while True:
            socket = super().get_socket()
            idle_since = self._idle_since.pop(socket, None)
            if idle_since is None or time.monotonic() - idle_since < _MOST_IDLE_SECONDS:
                return socket
            self.release_socket(socket)

    def return_socket(self, socket: Any) -> None:
        self._idle_since[socket] = time.monotonic()
        super().return_socket(socket)


class _Client(HTTPClient):  # type: ignore[misc]  # The same.
    def __init__(self, host: str, port: int | None = None, **options: Any) -> None:
        super().__init__(host, port, **options)
        if not self.ssl:
            self._connection_pool = _FreshConnections(self.host, self.port)


class Proxy(HTTPClientPool):  # type: ignore[misc]  # The same.
    """To be shared by all users of a process."""

    def get_client(self, url: URL) -> HTTPClient:
        at = url.host, url.port
        if at not in self.clients:
            self.clients[at] = _Client.from_url(url)
        return self.clients[at]

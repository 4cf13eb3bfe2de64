"""What must hold before anything is started; what does not is said in one line."""

import fcntl
import itertools
import os
import socket
import zlib
from pathlib import Path

# Below the range that outgoing connections draw from: while Valkey is down, a client that tries again must
# not be given its port.
_VALKEY_PORTS = range(17_000, 18_000)


class PreflightError(Exception):
    """Names what is in the way and the variable that goes around it."""


def hold_data_dir(data_dir: Path) -> int:
    """Make the directory and keep others out while the returned descriptor is open. Raises PreflightError."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise PreflightError(f"{data_dir}: {error.strerror}; set QABYLDAU_DATA_DIR") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise PreflightError(
            f"{data_dir} is in use by another run; stop it or set QABYLDAU_DATA_DIR"
        ) from None
    return descriptor


def check_port(host: str, port: int, variable: str) -> None:
    """Raise PreflightError when nobody could listen there."""
    reason = _why_not(host, port)
    if reason:
        raise PreflightError(f"{host}:{port}: {reason}; free it or set {variable}")


def find_valkey_port(data_dir: Path) -> int:
    """Return a free port, mostly the same for the same directory. Raises PreflightError."""
    # Runs that start at the same moment have directories of their own, and so begin to look elsewhere.
    first = zlib.crc32(bytes(data_dir)) % len(_VALKEY_PORTS)
    for port in itertools.chain(_VALKEY_PORTS[first:], _VALKEY_PORTS[:first]):
        if not _why_not("127.0.0.1", port):
            return port
    raise PreflightError(
        f"ports {_VALKEY_PORTS.start} to {_VALKEY_PORTS.stop - 1} are all in use; set QABYLDAU_REDIS_URL"
    )


def _why_not(host: str, port: int) -> str:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            # A connection of the last run that is still closing is nobody.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return ""

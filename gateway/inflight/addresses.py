"""Where Redis is: one server, whichever of several its Sentinels call the primary, or a cluster."""

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from msgspec import Struct

_SENTINEL_PORT = 26_379
_SERVER_PORT = 6_379

_SENTINEL_FORM = (
    "Expected sentinel://host:26379,host:26379/name, with ?db= and &sentinel_password= or neither"
)

Node = tuple[str, int]


class Server(Struct, frozen=True):
    """`redis://`, `rediss://` or `unix://`, as the client itself reads it."""

    url: str

    def __repr__(self) -> str:
        return "Server()"


class Watched(Struct, frozen=True):
    """`nodes`: Sentinels that watch the primary `name`. Passwords: of the servers, and of the Sentinels."""

    nodes: tuple[Node, ...]
    name: str
    database: int
    username: str | None
    password: str | None
    sentinel_password: str | None

    def __repr__(self) -> str:
        return f"Watched({self.nodes}, {self.name!r})"


class Cluster(Struct, frozen=True):
    """`nodes`: some of the cluster, of which one answering is enough."""

    nodes: tuple[Node, ...]
    username: str | None
    password: str | None

    def __repr__(self) -> str:
        return f"Cluster({self.nodes})"


Address = Server | Watched | Cluster


def parse_address(url: str) -> Address:
    """Read `sentinel://[user:password@]host:port,…/name[?db=0&sentinel_password=…]` or `cluster://…,…`.

    Any other address is for the client itself. Raises ValueError, without what may be secret.
    """
    parts = urlsplit(url)
    if parts.scheme == "sentinel":
        return _watched(parts)
    if parts.scheme == "cluster":
        _, username, password = _login(parts)
        return Cluster(_nodes(parts, _SERVER_PORT), username, password)
    return Server(url)


def _watched(parts: SplitResult) -> Watched:
    name = unquote(parts.path.strip("/"))
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    database, sentinel_password = options.pop("db", "0"), options.pop("sentinel_password", None)
    if not name or options or not database.isdecimal():
        raise ValueError(_SENTINEL_FORM)
    _, username, password = _login(parts)
    return Watched(_nodes(parts, _SENTINEL_PORT), name, int(database), username, password, sentinel_password)


def _login(parts: SplitResult) -> tuple[str, str | None, str | None]:
    """Split `user:password@` from the hosts."""
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    return hosts, unquote(username) or None, unquote(password) or None


def _nodes(parts: SplitResult, default_port: int) -> tuple[Node, ...]:
    hosts, _, _ = _login(parts)
    nodes = []
    for one in hosts.split(","):
        # Any URL with this one host: an address of version 6 has colons of its own.
        node = urlsplit(f"//{one}")
        if not node.hostname:
            raise ValueError("Expected hosts, separated by commas")
        nodes.append((node.hostname, node.port or default_port))
    return tuple(nodes)

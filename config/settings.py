"""Settings of all processes: `qabyldau.toml`, overridden by QABYLDAU_* variables, read once at the start."""

import ipaddress
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from config.toml import read_toml

CONFIG_DIR = Path(__file__).parent
DEFAULT_FILE = CONFIG_DIR / "qabyldau.toml"
PREFIX = "QABYLDAU_"

Port = Annotated[int, Meta(ge=1, le=65_535)]
Processes = Annotated[int, Meta(ge=1, le=256)]
Milliseconds = Annotated[int, Meta(ge=1, le=600_000)]
LogLevel = Annotated[str, Meta(pattern=r"^(debug|info|warning|error)\Z")]
Limit = Annotated[int, Meta(ge=1, le=1_000_000)]


class SettingsError(ValueError):
    """Names the variable or key, what is wrong and what is expected, in one line without a secret."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An empty text means "derived": the properties below say from what."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Port = 8000
    operators_host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    operators_port: Port = 8001
    standins_port: Port = 8100
    data_dir: Path = Path("var")
    # Empty: the embedded server that the supervisor starts.
    redis_url: str = ""
    register_url: str = ""
    gateways: Processes = 1
    workers: Processes = 1
    # Seeds a limit that Redis does not have yet; None: the slots in the programme's file.
    limit: Limit | None = None
    keys_file: str = ""
    programmes_dir: Path = CONFIG_DIR / "programmes"
    messages_dir: Path = CONFIG_DIR / "messages"
    calendar_file: Path = CONFIG_DIR / "calendar.toml"
    mobile_citizens_url: str = ""
    labour_market_url: str = ""
    e_maket_url: str = ""
    sms_url: str = ""
    sms_login: str = ""
    sms_password: str = ""
    sms_sender: str = ""
    redis_timeout_ms: Milliseconds = 2_000
    # How many replicas must have a write before it is answered. 0: the primary's disk is the proof.
    redis_replicas: Annotated[int, Meta(ge=0, le=16)] = 0
    # A job asks three systems within the eighteen seconds it has.
    system_timeout_ms: Annotated[int, Meta(ge=1, le=5_500)] = 5_000
    body_timeout_ms: Milliseconds = 5_000
    # An application has less than 2 kB; a name of 200 characters written as \\uXXXX, 1.2 kB.
    max_body_bytes: Annotated[int, Meta(ge=1_024, le=1_048_576)] = 131_072
    # Whose X-Forwarded-For is believed, as networks (CIDR). Nobody's, until told.
    trusted_proxies: tuple[str, ...] = ()
    webhook_window_seconds: Annotated[int, Meta(ge=1, le=3_600)] = 300
    log_level: LogLevel = "info"
    # Root of a collector's address (OTLP over HTTP). Empty: no traces.
    traces_url: str = ""
    # Of all requests; chance decides which.
    traces_share: Annotated[float, Meta(ge=0, le=1)] = 0.01

    def __repr__(self) -> str:
        # Addresses and passwords of other systems do not belong in logs.
        return f"Settings(port={self.port}, data_dir={str(self.data_dir)!r})"

    @property
    def register_dsn(self) -> str:
        return self.register_url or f"sqlite:///{self.data_dir / 'register.db'}"

    @property
    def keys_path(self) -> Path:
        return Path(self.keys_file) if self.keys_file else self.data_dir / "keys.toml"

    @property
    def counts_dir(self) -> Path:
        """Where gateways count, a folder each, and the operators' process adds up."""
        return self.data_dir / "counts"

    @property
    def standins_url(self) -> str:
        return f"http://127.0.0.1:{self.standins_port}"

    @property
    def mobile_citizens_base_url(self) -> str:
        return self.mobile_citizens_url or f"{self.standins_url}/mobile-citizens"

    @property
    def labour_market_base_url(self) -> str:
        return self.labour_market_url or f"{self.standins_url}/labour-market"

    @property
    def e_maket_base_url(self) -> str:
        return self.e_maket_url or f"{self.standins_url}/e-maket"

    @property
    def sms_base_url(self) -> str:
        return self.sms_url or f"{self.standins_url}/sms"


def load_settings(environ: Mapping[str, str] | None = None, path: Path | None = None) -> Settings:
    """Read the file (by default the one beside this module), then the environment. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    path = path or DEFAULT_FILE
    values: dict[str, Any] = {}
    for name, value in read_toml(path, SettingsError).items():
        values[name] = _convert(name, value, f"{path}: {name}", strict=True)
    for variable, text in environ.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            values[name] = _convert(name, _split(name, text), variable, strict=False)
    settings = Settings(**values)
    _check_ports(settings)
    _check_traces(settings)
    return msgspec.structs.replace(settings, data_dir=settings.data_dir.absolute())


def embedded_url_file(settings: Settings) -> Path:
    """Where a running embedded server says its address, so that commands beside it find it."""
    return settings.data_dir / "redis.url"


def find_redis_url(settings: Settings) -> str:
    """Return the address of the settings, else that of a running embedded server. Raises SettingsError."""
    if settings.redis_url:
        return settings.redis_url
    try:
        return embedded_url_file(settings).read_text()
    except FileNotFoundError:
        raise SettingsError(
            "redis_url (QABYLDAU_REDIS_URL): Expected the address of a Redis or Valkey, or a running service"
        ) from None


def _split(name: str, text: str) -> str | list[str]:
    if name != "trusted_proxies":
        return text
    return [item.strip() for item in text.split(",") if item.strip()]


def _convert(name: str, value: object, where: str, *, strict: bool) -> Any:
    if name not in _TYPES:
        raise SettingsError(f"{where}: no such setting; config/settings.py lists them")
    try:
        converted = msgspec.convert(value, _TYPES[name], strict=strict, dec_hook=_decode_path)
    except msgspec.ValidationError as reason:
        raise SettingsError(f"{where}: {reason}") from None
    if converted and name in _FORMS:
        is_valid, expected = _FORMS[name]
        if not is_valid(converted):
            raise SettingsError(f"{where}: Expected {expected}")
    return converted


def _decode_path(_: type, value: object) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError("Expected a path")
    return Path(value)


def _check_ports(settings: Settings) -> None:
    names = ("port", "operators_port", "standins_port")
    ports = [settings.port, settings.operators_port, settings.standins_port]
    for name, port in zip(names, ports, strict=True):
        if ports.count(port) > 1:
            raise SettingsError(f"{name} ({PREFIX}{name.upper()}): Expected a port that no other setting has")


def _check_traces(settings: Settings) -> None:
    if settings.traces_url and find_spec("opentelemetry") is None:
        raise SettingsError(
            f"traces_url ({PREFIX}TRACES_URL): Expected what requirements/traces.txt installs"
        )


def _is_networks(networks: tuple[str, ...]) -> bool:
    try:
        return all(map(ipaddress.ip_network, networks))
    except ValueError:
        return False


def _is_web_address(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _is_redis_address(address: str) -> bool:
    parts = urlsplit(address)
    is_named = parts.scheme != "sentinel" or bool(parts.path.strip("/"))
    return parts.scheme in _REDIS_SCHEMES and "://" in address and is_named


def _is_address(address: str) -> bool:
    return "://" in address


_TYPES = {field.name: field.type for field in msgspec.structs.fields(Settings)}
_REDIS_SCHEMES = {"redis", "rediss", "unix", "sentinel", "cluster"}
_WEB_FORM = (_is_web_address, "http://… or https://…")
# What a value that is not empty looks like: (check, expected).
_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "redis_url": (
        _is_redis_address,
        "an address such as redis://host:6379/0, sentinel://host:26379,host:26379/name or cluster://host:6379",
    ),
    "register_url": (_is_address, "an address such as postgresql+asyncpg://user@host/database"),
    "mobile_citizens_url": _WEB_FORM,
    "labour_market_url": _WEB_FORM,
    "e_maket_url": _WEB_FORM,
    "sms_url": _WEB_FORM,
    "traces_url": _WEB_FORM,
    "trusted_proxies": (_is_networks, "networks such as 10.0.0.0/8, separated by commas"),
}

import ipaddress
from pathlib import Path

import msgspec
import pytest

from config.settings import CONFIG_DIR, DEFAULT_FILE, Settings, SettingsError, load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "qabyldau.toml"
    path.write_text("port = 9000\nworkers = 2\n")
    return path


_REDIS_FORM = (
    "Expected an address such as redis://host:6379/0, sentinel://host:26379,host:26379/name "
    "or cluster://host:6379"
)


def refusal(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(environ, path)
    line = str(error.value)
    assert "\n" not in line
    return line


def test_the_file_that_is_shipped_says_what_the_defaults_say() -> None:
    settings = load_settings({})

    assert settings == msgspec.structs.replace(Settings(), data_dir=Path.cwd() / "var")
    assert (settings.port, settings.operators_port, settings.standins_port) == (8000, 8001, 8100)


def test_everything_that_is_not_given_stands_beside_the_code() -> None:
    settings = load_settings({})

    assert settings.programmes_dir.is_dir()
    assert settings.messages_dir.is_dir()
    assert settings.calendar_file.is_file()
    assert DEFAULT_FILE.parent == CONFIG_DIR


def test_the_environment_overrides_the_file_and_the_file_the_default(file: Path) -> None:
    settings = load_settings({"QABYLDAU_PORT": "9001", "QABYLDAU_LIMIT": "7", "HOME": "/"}, file)

    assert (settings.port, settings.workers, settings.gateways, settings.limit) == (9001, 2, 1, 7)


def test_what_is_empty_is_derived() -> None:
    settings = load_settings({"QABYLDAU_DATA_DIR": "/data", "QABYLDAU_STANDINS_PORT": "9100"})

    assert settings.register_dsn == "sqlite:////data/register.db"
    assert settings.keys_path == Path("/data/keys.toml")
    assert settings.labour_market_base_url == "http://127.0.0.1:9100/labour-market"
    assert settings.e_maket_base_url == "http://127.0.0.1:9100/e-maket"
    assert settings.sms_base_url == "http://127.0.0.1:9100/sms"
    assert settings.limit is None


def test_what_is_given_is_not_derived() -> None:
    settings = load_settings(
        {
            "QABYLDAU_REGISTER_URL": "postgresql+asyncpg://db/register",
            "QABYLDAU_KEYS_FILE": "/run/secrets/keys.toml",
            "QABYLDAU_LABOUR_MARKET_URL": "https://lm.example",
            "QABYLDAU_E_MAKET_URL": "https://em.example",
            "QABYLDAU_SMS_URL": "https://sms.example",
        }
    )

    assert settings.register_dsn == "postgresql+asyncpg://db/register"
    assert settings.keys_path == Path("/run/secrets/keys.toml")
    assert settings.labour_market_base_url == "https://lm.example"
    assert settings.e_maket_base_url == "https://em.example"
    assert settings.sms_base_url == "https://sms.example"


def test_trusted_proxies_are_networks_separated_by_commas() -> None:
    settings = load_settings({"QABYLDAU_TRUSTED_PROXIES": "127.0.0.0/8, ::1/128 ,10.1.2.3"})

    assert settings.trusted_proxies == ("127.0.0.0/8", "::1/128", "10.1.2.3")
    assert [ipaddress.ip_network(network).num_addresses for network in settings.trusted_proxies] == [
        2**24,
        1,
        1,
    ]
    assert load_settings({"QABYLDAU_TRUSTED_PROXIES": ""}).trusted_proxies == ()


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Settings)])
def test_every_setting_has_a_variable(name: str) -> None:
    value = {
        "host": "::1",
        "redis_url": "redis://r",
        "redis_replicas": "2",
        "register_url": "sqlite:///x",
        "mobile_citizens_url": "http://x",
        "labour_market_url": "http://x",
        "e_maket_url": "http://x",
        "sms_url": "http://x",
        "traces_url": "http://x",
        "traces_share": "0.5",
        "trusted_proxies": "10.0.0.0/8",
        "max_body_bytes": "2048",
        "log_level": "debug",
    }.get(name, "77")

    changed = load_settings({f"QABYLDAU_{name.upper()}": value})

    assert getattr(changed, name) != getattr(load_settings({}), name)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("PROT", "8000", "no such setting; config/settings.py lists them"),
        ("PORT", "", "Expected `int`, got `str`"),
        ("PORT", "many", "Expected `int`, got `str`"),
        ("PORT", "٨٠٠٠", "Expected `int`, got `str`"),
        ("PORT", "0", "Expected `int` >= 1"),
        ("OPERATORS_PORT", "65536", "Expected `int` <= 65535"),
        ("STANDINS_PORT", "-1", "Expected `int` >= 1"),
        ("HOST", "", "Expected `str` of length >= 1"),
        ("DATA_DIR", "", "Expected a path"),
        ("GATEWAYS", "0", "Expected `int` >= 1"),
        ("WORKERS", "257", "Expected `int` <= 256"),
        ("LIMIT", "0", "Expected `int` >= 1"),
        ("LIMIT", "1000001", "Expected `int` <= 1000000"),
        ("LIMIT", "2.5", "Expected `int | null`, got `str`"),
        ("REDIS_TIMEOUT_MS", "0", "Expected `int` >= 1"),
        ("SYSTEM_TIMEOUT_MS", "5501", "Expected `int` <= 5500"),
        ("BODY_TIMEOUT_MS", "0", "Expected `int` >= 1"),
        ("MAX_BODY_BYTES", "10", "Expected `int` >= 1024"),
        ("WEBHOOK_WINDOW_SECONDS", "0", "Expected `int` >= 1"),
        ("LOG_LEVEL", "loud", r"Expected `str` matching regex '^(debug|info|warning|error)\\Z'"),
        ("REDIS_URL", "localhost", _REDIS_FORM),
        ("REDIS_URL", "http://host", _REDIS_FORM),
        ("REDIS_URL", "sentinel://a:26379,b:26379", _REDIS_FORM),
        ("REDIS_REPLICAS", "-1", "Expected `int` >= 0"),
        ("REGISTER_URL", "x", "Expected an address such as postgresql+asyncpg://user@host/database"),
        ("SMS_URL", "smsc.kz", "Expected http://… or https://…"),
        ("E_MAKET_URL", "ftp://x", "Expected http://… or https://…"),
        ("LABOUR_MARKET_URL", "x", "Expected http://… or https://…"),
        ("TRACES_URL", "collector:4318", "Expected http://… or https://…"),
        ("TRACES_SHARE", "1.1", "Expected `float` <= 1.0"),
        ("TRACES_SHARE", "nan", "Expected `float`"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "Expected networks such as 10.0.0.0/8, separated by commas"),
        ("TRUSTED_PROXIES", "everybody", "Expected networks such as 10.0.0.0/8, separated by commas"),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_expected(variable: str, value: str, expected: str) -> None:
    assert refusal({f"QABYLDAU_{variable}": value}).startswith(f"QABYLDAU_{variable}: {expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prot = 8000", "prot: no such setting; config/settings.py lists them"),
        ('port = "8000"', "port: Expected `int`, got `str`"),
        ("port = 0", "port: Expected `int` >= 1"),
        ("port = true", "port: Expected `int`, got `bool`"),
        ("data_dir = 1", "data_dir: Expected a path"),
        ('trusted_proxies = "10.0.0.0/8"', "trusted_proxies: Expected `array`, got `str`"),
        ("[redis]\nurl = 1", "redis: no such setting; config/settings.py lists them"),
        ("port =", "is not TOML: Invalid value (at end of document)"),
    ],
)
def test_a_wrong_key_is_named_with_file_and_what_is_expected(file: Path, text: str, expected: str) -> None:
    file.write_text(text)

    assert refusal({}, file) == f"{file}: {expected}"


def test_two_doors_on_one_port_are_refused() -> None:
    assert refusal({"QABYLDAU_OPERATORS_PORT": "8100"}) == (
        "operators_port (QABYLDAU_OPERATORS_PORT): Expected a port that no other setting has"
    )


@pytest.mark.parametrize("variable", ["REDIS_URL", "REGISTER_URL", "SMS_URL"])
def test_a_refusal_never_repeats_a_secret(variable: str) -> None:
    assert "hunter2" not in refusal({f"QABYLDAU_{variable}": "user:hunter2@host"})


def test_a_repr_never_shows_a_secret() -> None:
    settings = load_settings(
        {"QABYLDAU_SMS_PASSWORD": "hunter2", "QABYLDAU_REDIS_URL": "redis://:hunter2@host"}
    )

    assert "hunter2" not in repr(settings)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"

    assert refusal({}, path) == f"{path}: cannot be read: No such file or directory"


def test_a_file_that_is_not_utf8_is_named(file: Path) -> None:
    file.write_bytes(b"\xff")

    assert refusal({}, file) == f"{file}: cannot be read: is not UTF-8"

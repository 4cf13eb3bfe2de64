import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config.settings import embedded_url_file, load_settings
from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from gateway.operators.__main__ import qabyldau


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, redis_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("QABYLDAU_REDIS_URL", redis_url)
    monkeypatch.setenv("QABYLDAU_DATA_DIR", str(tmp_path))


def serve(redis_url: str, limit: int = 25_000) -> int:
    """One tick of a gateway; the limit it sees."""

    async def once() -> int:
        redis = open_redis(redis_url, 2000)
        try:
            return (await tick(Store(redis), "42500", limit, 60_000)).limit
        finally:
            await redis.aclose()

    return asyncio.run(once())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(qabyldau, arguments)


def test_a_limit_that_is_set_is_in_force_and_outlives_the_seed(redis_url: str) -> None:
    serve(redis_url)

    done = run("limit", "set", "42500", "18000")

    assert (done.exit_code, done.output) == (0, "42500: 25000 -> 18000\n")
    assert serve(redis_url) == 18_000
    assert run("limit", "show", "42500").output == "18000\n"


def test_whoever_was_slower_hears_it_and_changes_nothing(redis_url: str) -> None:
    serve(redis_url)
    run("limit", "set", "42500", "18000")

    late = run("limit", "set", "42500", "30000", "--expected", "25000")

    assert late.exit_code == 1
    assert "18000" in late.output
    assert serve(redis_url) == 18_000


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("limit", "set", "42500", "-1"), 2),
        (("limit", "set", "42500", "1000001"), 2),
        (("limit", "set", "no-such", "1"), 2),
        (("limit", "set", "42500", "many"), 2),
        (("limit", "show", "42500"), 1),
    ],
)
def test_what_cannot_be_done_is_said_with_an_exit_code(arguments: tuple[str, ...], code: int) -> None:
    assert run(*arguments).exit_code == code


def test_redis_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QABYLDAU_REDIS_URL", "redis://127.0.0.1:1/0")

    away = run("limit", "show", "42500")

    assert away.exit_code == 1
    assert "Redis" in away.output


def test_the_embedded_server_of_a_running_service_is_found(
    monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    serve(redis_url)
    monkeypatch.delenv("QABYLDAU_REDIS_URL")
    embedded_url_file(load_settings()).write_text(redis_url)

    assert run("limit", "show", "42500").output == "25000\n"

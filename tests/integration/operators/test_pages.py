from pathlib import Path

import msgspec
import pytest

from gateway.operators.pages import load_pages
from tests.integration.operators.control_room import ControlRoom


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "console"
    (folder / "vendor").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Басқару</title>")
    (folder / "vendor" / "chart.js").write_text("export const one = 1;")
    (tmp_path / "secret.txt").write_text("a secret")
    return folder


@pytest.fixture
def pages(room: ControlRoom, folder: Path) -> ControlRoom:
    room.app.state.room = msgspec.structs.replace(room.inside, pages=load_pages(folder))
    return room


async def test_the_console_is_served_to_anyone(pages: ControlRoom) -> None:
    index = await pages.client.get("/")
    script = await pages.client.get("/console/vendor/chart.js")

    assert (index.status_code, index.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Басқару" in index.text
    assert (script.status_code, script.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")


async def test_a_file_that_has_not_changed_is_not_sent_again(pages: ControlRoom) -> None:
    first = await pages.client.get("/console/vendor/chart.js")

    again = await pages.client.get(
        "/console/vendor/chart.js", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["/console/no-such.js", "/console/../secret.txt", "/console/%2e%2e/secret.txt", "/console//etc/passwd"],
)
async def test_nothing_else_is_served(pages: ControlRoom, path: str) -> None:
    reply = await pages.client.get(path)

    assert reply.status_code == 404
    assert "secret" not in reply.text

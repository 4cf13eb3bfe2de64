"""The console: a few files, read once, so that no request names a path on the disk."""

import hashlib
from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from gateway.http.request import AnyRequest
from gateway.operators.problems import Problem, Refused

CONSOLE: Final = Path(__file__).parent / "console"
_INDEX: Final = "index.html"

# As they are here and not as the machine guesses them; the framework adds the charset.
_MEDIA_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_TEXT: Final = "text/plain"


class Page(Struct, frozen=True):
    body: bytes
    media_type: str
    etag: str


def load_pages(folder: Path) -> dict[str, Page]:
    """Read every file of a folder, by its path in it."""
    return {
        path.relative_to(folder).as_posix(): _load(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@get("/", role=None)
async def show_console(request: AnyRequest) -> Response[bytes]:
    return _answer(request, _INDEX)


@get("/console/{name:path}", role=None)
async def show_file(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    return _answer(request, name.lstrip("/"))


def _answer(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    page = request.app.state.room.pages.get(name)
    if page is None:
        raise Refused(Problem.NOT_FOUND)
    # Kept, and asked for each time: after a deployment nobody sees half of the old page.
    headers = {"ETag": page.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == page.etag:
        return Response(b"", status_code=304, headers=headers, media_type=page.media_type)
    return Response(page.body, headers=headers, media_type=page.media_type)


def _load(path: Path) -> Page:
    body = path.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return Page(body, _MEDIA_TYPES.get(path.suffix, _TEXT), etag)

"""Debian's Chromium without a screen, steered by the DevTools protocol as a person steers a browser."""

import asyncio
import base64
import itertools
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

# It asks nobody outside for anything, and runs as root, where its sandbox does not.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "Space": (32, " ")}


def find_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def running_chromium(program: str, home: Path) -> Iterator[str]:
    """Yield the address at which it is steered."""
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={home}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield _address(home / "DevToolsActivePort")
    finally:
        process.terminate()
        process.wait()


def _address(told_in: Path) -> str:
    """Wait until it listens; the test's own time limit ends a wait in vain."""
    while not told_in.exists() or len(lines := told_in.read_text().splitlines()) < 2:
        time.sleep(0.02)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"


class Page:
    """A tab. `complaints`: what the browser had to complain about, network answers excepted."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._session: str | None = None
        self._context: dict[str, str] = {}
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def listen(self) -> None:
        async for message in self._socket:
            heard = msgspec.json.decode(message.data)
            if "id" in heard:
                self._answers.pop(heard["id"]).set_result(heard)
            elif complaint := _complaint(heard["method"], heard["params"]):
                self.complaints.append(complaint)

    async def send(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        call = {"id": number, "method": method, "params": params}
        if self._session:
            call["sessionId"] = self._session
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(msgspec.json.encode(call).decode())
        answer = await self._answers[number]
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    async def attach(self) -> None:
        """Open a tab that shares nothing with the tabs of other tests."""
        self._context = await self.send("Target.createBrowserContext")
        target = await self.send("Target.createTarget", url="about:blank", **self._context)
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Audits", "Accessibility"):
            await self.send(f"{domain}.enable")

    async def close(self) -> None:
        """End the tab, which would go on asking for a server that has gone."""
        self._session = None
        await self.send("Target.disposeBrowserContext", **self._context)

    async def size(self, width: int, height: int) -> None:
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    async def prefer(self, **features: str) -> None:
        """Prefer for instance `prefers_color_scheme="dark"`."""
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        await self.send("Emulation.setEmulatedMedia", features=wanted)

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def evaluate(self, expression: str) -> Any:
        found = await self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, (expression, found["exceptionDetails"])
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        """The test's own time limit ends a wait in vain."""
        await self._until(f"Boolean({expression})")

    async def _until(self, expression: str) -> Any:
        while True:
            if found := await self.evaluate(expression):
                return found
            await asyncio.sleep(0.03)

    async def until_text(self, selector: str, part: str) -> None:
        text = msgspec.json.encode(part).decode()
        await self.until(f"document.querySelector('{selector}')?.textContent.includes({text})")

    async def text(self, selector: str) -> str:
        return str(await self.evaluate(f"document.querySelector('{selector}').innerText")).replace(
            "\xa0", " "
        )

    async def is_visible(self, selector: str) -> bool:
        return bool(await self.evaluate(f"document.querySelector('{selector}')?.checkVisibility() ?? false"))

    async def click(self, selector: str) -> None:
        """Click its middle, once it is there and nothing lies over it."""
        await self.until(f"document.querySelector('{selector}')?.checkVisibility()")
        middle = f"""(() => {{
            const element = document.querySelector('{selector}');
            element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
            const box = element.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            return element.contains(document.elementFromPoint(x, y)) && !element.disabled ? {{ x, y }} : null;
        }})()"""
        point = await self._until(middle)
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **point)

    async def type(self, text: str) -> None:
        await self.send("Input.insertText", text=text)

    async def fill(self, selector: str, text: str) -> None:
        """Go into a field, and type over what is in it."""
        await self.click(selector)
        await self.evaluate(f"document.querySelector('{selector}').select()")
        await self.type(text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        code, text = _KEYS[key]
        common = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        down = {**common, "modifiers": 8 if shift else 0}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **down, **({"text": text} if text else {}))
        await self.send("Input.dispatchKeyEvent", type="keyUp", **down)

    async def has_focus(self, selector: str) -> bool:
        return bool(await self.evaluate(f"document.activeElement.matches('{selector}')"))

    async def picture(self, path: Path, *, is_whole: bool = False) -> None:
        shot = await self.send("Page.captureScreenshot", captureBeyondViewport=is_whole)
        path.write_bytes(base64.b64decode(shot["data"]))  # noqa: ASYNC240 - nobody else runs in this loop.

    async def roles(self) -> list[tuple[str, str]]:
        """Role and name of everything that a screen reader meets."""
        tree = await self.send("Accessibility.getFullAXTree")
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in tree["nodes"]
            if not node["ignored"]
        ]


def _complaint(method: str, params: dict[str, Any]) -> str | None:
    match method:
        case "Runtime.exceptionThrown":
            return str(params["exceptionDetails"])
        case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning", "assert"}:
            return str(params["args"])
        # An answer of 401 or 409 is part of a journey.
        case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
            return None if params["entry"]["source"] == "network" else str(params["entry"])
        case "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue":
            return str(params["issue"])
    return None


@asynccontextmanager
async def new_page(address: str) -> AsyncIterator[Page]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, max_msg_size=0) as socket,
    ):
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        try:
            await page.attach()
            yield page
        finally:
            await page.close()
            listening.cancel()

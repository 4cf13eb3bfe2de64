"""What the supervisor and its children say, on one stream, a line at a time."""

import os
import queue
import threading

# A terminal or pipe that nobody reads must not stop the service: this much is kept, the rest is counted.
_KEPT_LINES = 10_000

# A last word is waited for this long; a stream that nobody reads would never take it.
_LAST_WORD_SECONDS = 1.0


class Terminal:
    """Writes lines from its own thread, so that `say` never blocks."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes | None] = queue.Queue(_KEPT_LINES)
        self._dropped = 0
        self._pumps: list[tuple[int, threading.Thread]] = []
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def say(self, text: str) -> None:
        for line in text.splitlines():
            self._put(f"{line}\n".encode())

    def pipe(self, prefix: str) -> int:
        """Return a descriptor for a child's output; its lines come out unchanged behind the prefix."""
        reading, writing = os.pipe()
        pump = threading.Thread(target=self._pump, args=(reading, prefix.encode()), daemon=True)
        pump.start()
        self._pumps.append((writing, pump))
        return writing

    def close(self) -> None:
        """Write what is left, as far as somebody reads it."""
        for writing, pump in self._pumps:
            os.close(writing)
            pump.join(_LAST_WORD_SECONDS)
        self._put(None)
        self._writer.join(_LAST_WORD_SECONDS)

    def _put(self, line: bytes | None) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _pump(self, reading: int, prefix: bytes) -> None:
        with os.fdopen(reading, "rb") as lines:
            for line in lines:
                self._put(prefix + line.removesuffix(b"\n") + b"\n")

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            if self._dropped and self._lines.empty():
                line += f"({self._dropped} lines dropped: nobody read them)\n".encode()
                self._dropped = 0
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                # The reader has gone; the service has not.
                continue

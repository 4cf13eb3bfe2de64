"""Traces: one application's way from its form through the queue to E-Maket, for whoever runs a collector.

Until `begin` is given one, nothing is imported, carried or sent: the library is optional, and `spans.py`,
which knows it, is imported only then.
"""

from contextlib import AbstractContextManager, nullcontext
from random import random
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from gateway.spans import Root, Spans

# Names and codes of ours, never what somebody sent.
Fact: TypeAlias = str | int

_NOTHING = nullcontext()


class Tracing:
    def __init__(self) -> None:
        self._spans: Spans | None = None
        self._share = 0.0

    def begin(self, service: str, url: str, share: float = 0.0) -> None:
        """Send to the collector at `url`, if there is one; `share` of all requests begin a trace."""
        if url:
            from gateway.spans import Spans  # noqa: PLC0415 - It brings the library.

            self._spans, self._share = Spans(service, url), share

    def end(self) -> None:
        """Send what is left, within the time that one call of the collector has."""
        if self._spans is not None:
            self._spans.close()
            self._spans = None

    def root(self) -> "Root | None":
        """Begin a trace, or not: which requests are traced is chance, and nobody outside decides it."""
        if self._spans is None or random() >= self._share:  # noqa: S311 - A sample, not a secret.
            return None
        return self._spans.root()

    def span(self, name: str, carried: str = "", **facts: Fact) -> AbstractContextManager[None]:
        """One stretch of the trace that was carried here, else of the one around; nothing without either."""
        return _NOTHING if self._spans is None else self._spans.stretch(name, carried, facts)

    def tell(self, **facts: Fact) -> None:
        """Add to the stretch around."""
        if self._spans is not None:
            self._spans.tell(facts)

    def headers(self) -> dict[str, str]:
        """By these a system that is called continues the trace (W3C Trace Context)."""
        return {} if self._spans is None else self._spans.headers()


TRACES = Tracing()

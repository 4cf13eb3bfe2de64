"""Rate limits in the form in which they go to Redis with each call."""

from gateway.domain.programme import RateLimit


def limit_text(limit: RateLimit) -> str:
    """`count:window_ms:shadow`, as _limits.lua reads it."""
    return f"{limit.count}:{limit.window_seconds * 1000}:{int(limit.shadow)}"

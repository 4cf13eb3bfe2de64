"""Logs of every process as JSON lines on standard output.

An exception is told by its type and place, never by its message: a message may repeat what it stumbled over.
"""

import logging
import logging.config
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import structlog
from structlog.typing import EventDict, Processor

# The innermost frames say where it went wrong; the outermost are always the same server and framework.
_FRAMES_TOLD = 8

_ENCODER = msgspec.json.Encoder(enc_hook=repr)


def configure_logs(level: str, *context: Processor) -> None:
    """Send what this process says, and what libraries say through `logging`, through the same processors.

    `context` adds to our own lines. The exception that ends the process is told like any other.
    """
    structlog.configure(
        processors=[*context, *_processors(), _to_json],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=False,
    )
    logging.config.dictConfig(library_logging(level))
    sys.excepthook = _tell_the_last


def library_logging(level: str) -> dict[str, Any]:
    """Return the `logging` configuration, for this process and for Granian's own two."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": _library_formatter}},
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}
        },
        "root": {"handlers": ["stdout"], "level": "WARNING"},
        "loggers": {"_granian": {"handlers": ["stdout"], "level": level.upper(), "propagate": False}},
    }


def _library_formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_first_line, structlog.stdlib.add_logger_name, *_processors()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_text],
    )


def _processors() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_messages,
    ]


def _first_line(_: Any, __: str, event: EventDict) -> EventDict:
    """Asyncio shows on the lines below a task that failed, with its exception as it is."""
    event["event"] = event["event"].partition("\n")[0]
    return event


def _tell_the_last(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    if not isinstance(error, KeyboardInterrupt):
        structlog.get_logger().critical("process_ends", exc_info=error)


def _without_messages(_: Any, __: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_TOLD:]
        event["error"] = type(error).__qualname__
        event["cause"] = type(error.__cause__).__qualname__ if error.__cause__ else None
        event["frames"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _to_json(_: Any, __: str, event: EventDict) -> bytes:
    return _ENCODER.encode(event)


def _to_text(_: Any, __: str, event: EventDict) -> str:
    return _ENCODER.encode(event).decode()

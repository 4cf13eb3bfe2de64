"""JSON lines on standard output: event names and ids, never what people sent."""

import logging

import structlog


def configure_logs(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    # arq writes results and exceptions as they are; what matters of them, our own lines say.
    logging.getLogger("arq").setLevel(logging.CRITICAL)

"""The gateway's way of logging, and in every line of a job whose case it is."""

import logging

import structlog

from gateway.logs import configure_logs as configure


def configure_logs(level: str) -> None:
    configure(level, structlog.contextvars.merge_contextvars)
    # arq writes results and exceptions as they are; what matters of them, our own lines say.
    logging.getLogger("arq").setLevel(logging.CRITICAL)

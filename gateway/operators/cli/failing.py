"""What keeps a command from being done: one line on standard error, and an exit code for scripts."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import rich_click as click
from sqlalchemy.exc import SQLAlchemyError

from config.keys import KeysError
from config.settings import SettingsError
from gateway.domain.controls import OutOfRange, UnknownControl
from gateway.domain.programme import ProgrammeError
from gateway.inflight.copying import CopyRefused
from gateway.inflight.steering import ControlsChanged, MessageMissing, NotServed
from gateway.inflight.store import StoreUnavailable
from gateway.operators.backup import BackupError
from gateway.operators.casework import CaseError
from gateway.operators.changing import LATEST_SECONDS, LONGEST_REASON, InvalidChange, UnknownChange
from gateway.operators.cli.showing import word
from gateway.operators.desk import UnknownProgramme
from gateway.register.copying import RegisterNotCopied
from gateway.register.entries import RegisterError


class Exit(IntEnum):
    """Part of what scripts rely on: add, never renumber."""

    DONE = 0
    NOT_DONE = 1
    WRONG_CALL = 2
    # Somebody was faster: read again, decide again.
    CHANGED = 3
    # Redis or the register does not answer, so it may or may not have been done.
    AWAY = 4
    # As a shell says it of a program that Ctrl-C has ended.
    INTERRUPTED = 130


class NotDone(click.ClickException):
    exit_code = Exit.NOT_DONE


class WrongCall(click.ClickException):
    exit_code = Exit.WRONG_CALL


class Changed(click.ClickException):
    exit_code = Exit.CHANGED


class Away(click.ClickException):
    exit_code = Exit.AWAY


_WRONG_CALLS = (
    KeysError,
    MessageMissing,
    OutOfRange,
    ProgrammeError,
    SettingsError,
    UnknownControl,
    UnknownProgramme,
)
_NOT_DONE = (
    BackupError,
    CaseError,
    CopyRefused,
    NotServed,
    RegisterError,
    RegisterNotCopied,
    UnknownChange,
)

_INVALID = {
    "reason": f"--reason: Expected 1 to {LONGEST_REASON} characters in one line",
    "at": f"--at: Expected a moment from now to {LATEST_SECONDS // 86_400} days ahead",
    "for_seconds": f"--for: Expected 1 second to {LATEST_SECONDS // 86_400} days",
    "changes": "Expected something to change",
}


@contextmanager
def telling() -> Iterator[None]:
    """Turn what the rooms below raise into one of the above; a mistake of ours stays what it is."""
    try:
        yield
    except _WRONG_CALLS as error:
        raise WrongCall(str(error)) from None
    except InvalidChange as error:
        raise WrongCall(_INVALID.get(error.field, str(error))) from None
    except ControlsChanged as error:
        current = ", ".join(f"{name} is {word(value)} by now" for name, value in error.current.items())
        raise Changed(f"somebody was faster: {current}; nothing was changed") from None
    except _NOT_DONE as error:
        raise NotDone(str(error)) from None
    except StoreUnavailable:
        raise Away("Redis does not answer; nothing is known to have changed") from None
    except (SQLAlchemyError, sqlite3.Error, OSError):
        # Their own words may repeat what was written.
        raise Away("the register does not answer; nothing is known to have changed") from None


class OneLineGroup(click.RichGroup):
    """Tells a failure in one line, which a log keeps whole, instead of a box."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - As click has it.
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            command = context.command_path if context else self.name
            click.echo(f"{command}: {' '.join(error.format_message().split())}", err=True)
            code = error.exit_code
        except click.Abort:
            code = Exit.INTERRUPTED
        sys.exit(code or Exit.DONE)

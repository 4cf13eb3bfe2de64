"""Where an operator types: settings, keys, a register, and a programme that is served."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from click.testing import CliRunner, Result

from config.settings import Settings, load_settings
from gateway.domain.application import Application
from gateway.domain.case import State, new_application_id
from gateway.inflight.status import tick
from gateway.operators.cli.opening import Office
from gateway.operators.cli.root import qabyldau
from gateway.register.chain import AuditLine
from gateway.register.entries import Step
from tests.integration.register.applicants import MIDSUMMER_2026_MS, new_entry

PROGRAMME = "42500"
WHY = ("--reason", "Таңғы толқын")
IIN, NAME, IBAN, PHONE = "900101300423", "Әсем Сапарқызы", "KZ86125KZT5004100100", "+77011234567"
PERSONAL = (IIN, NAME, IBAN, PHONE, PHONE[1:])
KEPT_MS = 3_600_000

T = TypeVar("T")


class Machine:
    @property
    def settings(self) -> Settings:
        return load_settings()

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        result = CliRunner().invoke(qabyldau, arguments, input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def done(self, *arguments: str, typed: str | None = None) -> str:
        """What a command prints that must do what it is there for."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str, typed: str | None = None) -> Any:
        text = self.done(*arguments, "--json", typed=typed)
        assert text.count("\n") == 1
        return json.loads(text)

    def refused(self, code: int, *arguments: str, typed: str | None = None) -> str:
        """The one line that says why not."""
        result = self.run(*arguments, typed=typed)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        assert result.stderr.startswith("qabyldau")
        assert result.stderr.count("\n") == 1
        return result.stderr

    def inside(self, deed: Callable[[Office], Awaitable[T]]) -> T:
        async def do() -> T:
            office = Office(self.settings)
            try:
                return await deed(office)
            finally:
                await office.close()

        return asyncio.run(do())

    def serve(self, limit: int = 25_000) -> int:
        """One tick of a gateway; the limit it sees."""

        async def once(office: Office) -> int:
            return (await tick(office.store, PROGRAMME, limit, KEPT_MS)).limit

        return self.inside(once)

    def trail(self) -> list[AuditLine]:
        """The newest line first."""

        async def read(office: Office) -> list[AuditLine]:
            return await office.trail.read(None, 100)

        return self.inside(read)

    def outcomes(self, action: str) -> list[str]:
        """What came of each line of this action, the oldest first."""
        return [line.outcome for line in reversed(self.trail()) if line.action == action]

    def registered(self, *states: Step, parked_for: str | None = None) -> tuple[str, str]:
        """Id and journal number of a case that the register knows, which really is sealed."""

        async def register(office: Office) -> tuple[str, str]:
            ring, application_id = office.read_keyring(), new_application_id(PROGRAMME)
            sent = Application("entrepreneur", IIN, None, NAME, IBAN, None, "kk")
            entry = replace(
                new_entry(PROGRAMME),
                application_id=application_id,
                person=ring.person(PROGRAMME, IIN),
                sealed=ring.seal(msgspec.msgpack.encode(sent), application_id),
                sealed_phone=ring.seal(PHONE.encode(), application_id),
            )
            number = await office.journal.register(entry)
            if states:
                await office.journal.record(application_id, states, 1)
            if parked_for:
                await office.journal.park(application_id, MIDSUMMER_2026_MS + 9, 1, parked_for, None)
            return application_id, number

        return self.inside(register)


VERIFYING = Step(State.VERIFYING, MIDSUMMER_2026_MS + 1)

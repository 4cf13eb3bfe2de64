from pathlib import Path
from typing import Any

import rich_click as click

from config.settings import embedded_url_file
from gateway.inflight.records import KEPT_MS
from gateway.operators.backup import BackupError, Manifest, back_up, read_manifest
from gateway.operators.backup import restore as put_back
from gateway.operators.backup import settle as settle_one
from gateway.operators.cli.failing import Exit, WrongCall
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.options import json_option
from gateway.operators.cli.showing import clean, number, show, table
from gateway.operators.cli.upkeep import run_worker
from gateway.operators.noting import carry_out, line_of

_folder_argument = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))

_RESTORED = """\
Both stores are in place. Start Redis, and nothing else yet; then: qabyldau settle {folder}\
"""


@click.command()
@_folder_argument
@json_option
def backup(folder: Path, *, as_json: bool) -> None:
    """Copy Redis and the register into FOLDER, which is made, while the service goes on.

    Keys are not in it, and without them it is worthless: keep the key file apart from it.
    """

    async def copy(office: Office) -> Manifest:
        async def do() -> Manifest:
            dsn, keyring = office.settings.register_dsn, office.read_keyring()
            return await back_up(folder, office.programmes, office.store, office.journal, dsn, keyring)

        return await carry_out(office.trail, line_of(actor(), "backup", None), do, _files)

    manifest = work(copy)
    rows = [
        (code, number(one.accepted), number(one.in_process), number(sum(one.registered.values())))
        for code, one in manifest.counts.items()
    ]
    show(manifest, table(["programme", "accepted ", "in process ", "registered "], rows), as_json=as_json)


@click.command()
@_folder_argument
@click.option(
    "--redis-dir", type=click.Path(path_type=Path), help="The `dir` of a Redis of your own, on this machine."
)
@json_option
def restore(folder: Path, redis_dir: Path | None, *, as_json: bool) -> None:
    """Put the backup in FOLDER where there is neither a register nor data of Redis yet.

    Checks all of it first, and overwrites nothing. Nothing of the service runs meanwhile, nor Redis.
    """

    async def put(office: Office) -> Manifest:
        settings = office.settings
        if redis_dir is None and settings.redis_url:
            raise WrongCall(
                "--redis-dir: Expected where the Redis at redis_url (QABYLDAU_REDIS_URL) keeps its data"
            )
        if redis_dir is None and embedded_url_file(settings).exists():
            raise BackupError("the service runs")
        keyring = office.read_keyring()
        manifest = await put_back(
            folder, keyring, settings.register_dsn, redis_dir or settings.data_dir / "valkey"
        )

        async def done() -> None:
            """Done before, for the trail is a part of what is restored."""

        await carry_out(office.trail, line_of(actor(), "restore", None), done, lambda _: _files(manifest))
        return manifest

    manifest = work(put, with_register=False)
    show(manifest, _RESTORED.format(folder=clean(folder)), as_json=as_json)


@click.command()
@_folder_argument
@json_option
def settle(folder: Path, *, as_json: bool) -> None:
    """Make the stores restored from FOLDER agree, before anybody is served. Redis runs, and nothing else.

    What the register knows of the time after the copy of Redis is told to it, what E-Maket knows keeps its
    numbers, and the waiting room begins a new line: tickets of before are void. May be done again.
    """

    async def agree(office: Office) -> dict[str, Any]:
        manifest = read_manifest(folder, office.read_keyring())

        async def do() -> dict[str, Any]:
            settled = {
                code: await settle_one(manifest, code, office.store, office.journal, KEPT_MS)
                for code in office.programmes
            }
            adopted = run_worker("adopt", {Exit.DONE})[0]
            return {
                code: {"learnt": one.learnt, "ended": one.ended, **adopted[code]}
                for code, one in settled.items()
            }

        return await carry_out(
            office.trail, line_of(actor(), "settle", None), do, lambda found: {"found": found}
        )

    found = work(agree)
    rows = [
        (
            code,
            *(number(one[name]) for name in ("learnt", "ended", "adopted")),
            number(len(one["only_at_e_maket"])),
        )
        for code, one in found.items()
    ]
    columns = ["programme", "learnt ", "ended ", "adopted ", "only at E-Maket "]
    show(found, table(columns, rows), as_json=as_json)


def _files(manifest: Manifest) -> dict[str, str]:
    return {name: file.sha256 for name, file in manifest.files.items()}

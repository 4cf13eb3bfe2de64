import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from config.keys import create_keys
from config.settings import load_settings
from tests.integration.operators.cli.machine import Machine


@pytest.fixture
def machine(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, migrated: Path, tmp_path: Path
) -> Iterator[Machine]:
    shutil.copy(migrated, tmp_path)
    monkeypatch.setenv("QABYLDAU_REDIS_URL", redis_url)
    monkeypatch.setenv("QABYLDAU_DATA_DIR", str(tmp_path))
    create_keys(load_settings().keys_path)
    yield Machine()
    # A command says where its log goes, and that stream ends with it.
    structlog.reset_defaults()


@pytest.fixture
def served(machine: Machine) -> Machine:
    machine.serve()
    return machine

from pathlib import Path

import pytest

from config.settings import CONFIG_DIR
from gateway.domain.programme import Programme, load_programmes

# A second programme, to prove that a programme is data and not code.
TINY = """\
code = "tiny"
slots = 3

[titles]
kk = "Шағын"
ru = "Малая"
en = "Tiny"

[phone]
prefixes = ["701"]

[categories.anyone]
open = true

[categories.anyone.titles]
kk = "Кез келген адам"
ru = "Любой человек"
en = "Anyone"
"""


@pytest.fixture(scope="session")
def p42500() -> Programme:
    return load_programmes(CONFIG_DIR / "programmes")["42500"]


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path

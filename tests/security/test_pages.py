import re
from pathlib import Path

import pytest

from tests.security.page import Proof, Row, keep
from tests.security.serving import ROOT

PAGES = (ROOT / "docs" / "threat-model.md", ROOT / "docs" / "security" / "owasp-api-top-10.md")
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    links = _LINK.findall(page.read_text())

    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_a_proof_that_is_made_again_takes_the_place_of_its_own_only(tmp_path: Path) -> None:
    order = ("first", "second", "third")
    for name, found, held in (("second", "two", True), ("first", "one", True), ("second", "other", False)):
        keep(name, Proof([Row("40", f"{name}?", found, held)], 60.0, "today"), order, tmp_path)

    lines = (tmp_path / "security.md").read_text().splitlines()
    assert lines[-2:] == [
        "| 40 | first? | one | held | today; 1.0 min |",
        "| 40 | second? | other | **BROKEN** | today; 1.0 min |",
    ]


def test_each_of_the_ten_risks_has_its_code_and_its_tests() -> None:
    risks = re.split(r"^## ", PAGES[1].read_text(), flags=re.MULTILINE)[1:]

    assert [risk.split(" ")[0] for risk in risks] == [f"API{number}" for number in range(1, 11)]
    for risk in risks:
        lines = {line.split(":")[0]: line for line in risk.splitlines() if line.startswith("- ")}
        assert "](../../tests/" in lines["- tests"], risk
        assert "](../../" in lines["- code"], risk

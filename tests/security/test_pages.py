import re
from pathlib import Path

import pytest

from tests.security.serving import ROOT

PAGES = (ROOT / "docs" / "threat-model.md", ROOT / "docs" / "security" / "owasp-api-top-10.md")
_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    links = _LINK.findall(page.read_text())

    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_each_of_the_ten_risks_has_its_code_and_its_tests() -> None:
    risks = re.split(r"^## ", PAGES[1].read_text(), flags=re.MULTILINE)[1:]

    assert [risk.split(" ")[0] for risk in risks] == [f"API{number}" for number in range(1, 11)]
    for risk in risks:
        lines = {line.split(":")[0]: line for line in risk.splitlines() if line.startswith("- ")}
        assert "](../../tests/" in lines["- tests"], risk
        assert "](../../" in lines["- code"], risk

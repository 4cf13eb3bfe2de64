import shutil
from pathlib import Path

import pytest

from config.settings import CONFIG_DIR
from tests.e2e.applicants import Applicant, Crowd, open_session
from tests.e2e.stack import ROOT, running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def test_a_programme_is_a_file_with_slots_rules_and_numbers_of_its_own(tmp_path: Path) -> None:
    programmes = tmp_path / "programmes"
    shutil.copytree(CONFIG_DIR / "programmes", programmes)
    shutil.copy(ROOT / "tests" / "e2e" / "programmes" / "tiny.toml", programmes)

    with running(tmp_path / "data", programmes_dir=str(programmes)) as stack:
        async with open_session() as session:
            tiny = Crowd(session, stack.gateway, stack.standins, "tiny")
            old = Crowd(session, stack.gateway, stack.standins)
            # The Labour Market is not asked for a programme without checks.
            async with session.put(f"{stack.standins}/faults/labour-market", json={"error_rate": 1}):
                pass
            in_tiny = await tiny.apply(Applicant(1, "everybody"))
            await tiny.until_all([in_tiny], "assigned", seconds=30)
            async with session.delete(f"{stack.standins}/faults"):
                pass
            # The same person may apply to the other programme, with the same phone.
            in_old = await old.apply(Applicant(1))
            await old.until_all([in_old], "assigned", seconds=30)

            assert in_tiny.id.startswith("tiny-")
            assert (await tiny.look(in_tiny))["number"].startswith("tiny-")
            assert (await old.look(in_old))["number"].endswith("-0000001")
            url = f"{stack.gateway}/v1/programmes/tiny"
            for n, status in ((2, 202), (3, 202), (4, 503)):
                form = Applicant(n, "everybody").form
                async with session.post(f"{url}/applications", json=form) as response:
                    assert response.status == status
            form = Applicant(5).form
            async with session.post(f"{url}/applications", json=form) as response:
                assert response.status == 422
                assert [fault["field"] for fault in (await response.json())["errors"]] == ["category"]


async def test_a_wrong_programme_stops_the_start_and_names_file_key_and_reason(tmp_path: Path) -> None:
    programmes = tmp_path / "programmes"
    programmes.mkdir()
    text = (ROOT / "tests" / "e2e" / "programmes" / "tiny.toml").read_text()
    (programmes / "tiny.toml").write_text(text.replace("slots = 2", "slots = 0"))

    with (
        pytest.raises(AssertionError) as said,
        running(tmp_path / "data", programmes_dir=str(programmes)),
    ):
        pass

    assert "tiny.toml: slots: " in str(said.value)

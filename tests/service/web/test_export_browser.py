"""An officer hands a case over, in a real browser, and a stranger verifies what came of it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from service.evidence.log import Action
from tests.service.web.office import Office
from tests.service.web.test_upload_browser import log_in, served
from tests.window import CHROMIUM, NO_BROWSER, window

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


def test_the_button_gives_a_bundle_that_verifies(office: Office, tmp_path: Path) -> None:
    """Rule: the page asks for a reason, logs it, and streams a whole zip."""
    office.confirm("event1")
    case = office.open_case("event1")
    with served(office) as address, window() as (page, complaints):
        log_in(page, address)
        page.goto(f"{address}/cases/{case}")
        form = page.locator("#export form")
        form.locator("button").click()
        assert office.log(Action.EXPORTED) == [], "the browser asks for a reason first"
        form.locator("[name=reason]").fill("移送法院")
        with page.expect_download() as download:
            form.locator("button").click()
        target = tmp_path / download.value.suggested_filename
        download.value.save_as(target)
        assert complaints == []
    assert len(office.log(Action.EXPORTED)) == 1
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "unpacked")
    (folder,) = (tmp_path / "unpacked").iterdir()
    done = subprocess.run([sys.executable, "-I", "verify.py"], cwd=folder, check=False)
    assert done.returncode == 0

"""`nva`: a booted Debian 12 with FRR of Debian's under its own unit, behind which two Route Servers listen; nothing of herald is
installed yet. One for all tests, which follow each other as the days of a machine do."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from appliance import Appliance  # noqa: E402
from lab import Lab  # noqa: E402


@pytest.fixture(scope="session")
def nva() -> Iterator[Appliance]:
    with Lab() as lab:
        appliance = Appliance(lab, Path(os.environ["HERALD_TREE"]), Path(os.environ["HERALD_DEB"]))
        appliance.start()
        try:
            yield appliance
        finally:
            appliance.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = (yield).get_result()
    nva = getattr(item, "funcargs", {}).get("nva")
    if report.when == "call" and report.failed and nva:
        report.sections.append(("logs", nva.evidence(60)))

"""Fixtures of the system tests.

`region`: an NVA under FRR and then under BIRD, both Route Servers established, nothing announced. Set up once for each kind of
router and put back between tests, so a test costs milliseconds. `@pytest.mark.nva("frr", lever="vtysh")` chooses the stacks, and
as keywords any of routers.NvaOptions.
`lab`: an empty lab of the test's own, for everything else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import Lab
from region import Region, make_region
from routers import NvaOptions
from waiting import LabError, LabTimeout

MAX_REGIONS = 4  # each is four namespaces and four daemons


@dataclass(frozen=True)
class Kind:
    """What distinguishes one reusable region from another."""

    stack: str
    options: NvaOptions


class Pool:
    """Keeps finished regions, each in a lab of its own so that a broken one can be thrown away alone."""

    def __init__(self) -> None:
        self._ready: OrderedDict[Kind, tuple[Lab, Region]] = OrderedDict()

    def take(self, kind: Kind) -> Region:
        if kind in self._ready and not self._is_ready(kind):
            self.discard(kind)
        if kind not in self._ready:
            while len(self._ready) >= MAX_REGIONS:
                self.discard(next(iter(self._ready)))
            self._ready[kind] = self._make(kind)
        self._ready.move_to_end(kind)
        return self._ready[kind][1]

    def give_back(self, kind: Kind) -> None:
        """What takes time, sessions coming up, goes on meanwhile; who takes it next waits for the rest."""
        try:
            self._ready[kind][1].reset()
        except Exception:  # the test has broken more than can be mended: the next one gets a new region
            self.discard(kind)

    def _is_ready(self, kind: Kind) -> bool:
        try:
            self._ready[kind][1].wait_ready()
        except (LabError, LabTimeout):
            return False
        return True

    def discard(self, kind: Kind) -> None:
        lab, _ = self._ready.pop(kind)
        lab.close()

    def close(self) -> None:
        for kind in list(self._ready):
            self.discard(kind)

    @staticmethod
    def _make(kind: Kind) -> tuple[Lab, Region]:
        lab = Lab().__enter__()
        try:
            return lab, make_region(lab, kind.stack, options=kind.options)
        except BaseException:
            lab.close()
            raise


@pytest.fixture(scope="session")
def _pool() -> Iterator[Pool]:
    pool = Pool()
    try:
        yield pool
    finally:
        pool.close()


@pytest.fixture
def region(request: pytest.FixtureRequest, _pool: Pool) -> Iterator[Region]:
    kind: Kind = request.param
    region = _pool.take(kind)
    yield region
    complaints = region.finish_heralds()
    _pool.give_back(kind)
    assert not complaints, "a sanitizer complained:\n" + "\n".join(complaints)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "nva(*stacks, **options): which routers the `region` fixture has")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "region" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("nva") or pytest.mark.nva().mark
        options = NvaOptions(**marker.kwargs)
        kinds = [Kind(stack, options) for stack in marker.args or ("frr", "bird")]
        metafunc.parametrize("region", kinds, indirect=True, ids=[kind.stack for kind in kinds])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """The ends of the logs, beside any failure that does not bring them along itself."""
    report = (yield).get_result()
    region = getattr(item, "funcargs", {}).get("region")
    if report.when == "call" and report.failed and region and not isinstance(call.excinfo.value, LabTimeout):
        report.sections.append(("logs of the region", region.evidence()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have measured (`record_property("measured", ...)`), also where they ran side by side."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            for name, value in report.user_properties:
                if name == "measured":
                    terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")

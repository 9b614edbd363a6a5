"""Waiting with a limit: every wait of the bench goes through here, so that none is endless and each failure explains itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class LabError(Exception):
    """The bench itself could not be set up: a missing program, an address in use, a daemon that did not start."""


class LabTimeout(AssertionError):
    """Something that a test waited for did not happen. An AssertionError, so that pytest counts a failure, not an error."""


def wait_until(
    probe: Callable[[], T],
    what: str,
    timeout: float,
    poll: float = 0.005,
    evidence: Callable[[], str] | None = None,
) -> T:
    """Calls `probe` until it returns something true and returns that; else raises with `what` and the `evidence` text."""
    deadline = time.monotonic() + timeout
    while True:
        if found := probe():
            return found
        if time.monotonic() >= deadline:
            raise LabTimeout(f"after {timeout:g} s still not: {what}{_indent(evidence)}")
        time.sleep(poll)


def _indent(evidence: Callable[[], str] | None) -> str:
    if evidence is None:
        return ""
    return "\n" + "\n".join("    " + line for line in evidence().splitlines())

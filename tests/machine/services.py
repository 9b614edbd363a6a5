"""The two services of the machine, and what is waited for of both: one as the README makes it, one of a file of its own."""

from __future__ import annotations

import re
import time
from pathlib import Path

from appliance import Appliance

README = Path(__file__).resolve().parents[2] / "README.md"
WEB = "10.99.0.1/32"  # lever loopback
DNS = "10.99.0.53/32"  # lever vtysh
BOTH = (WEB, DNS)

# Beside the one of the README: the other lever, and a command that looks at other processes from inside the sandbox.
DNS_SERVICE = """{
  "name": "dns", "vips": ["10.99.0.53/32"], "announce": { "via": "vtysh" },
  "probes": [ { "type": "exec", "command": ["/bin/sh", "-c", "pgrep -f '[h]ttp.server' || exit 2"] } ]
}
"""


def wait_announced(nva: Appliance, since=None, timeout: float = 30) -> None:
    for vip in BOTH:
        nva.wait_announced(vip, since, timeout)


def wait_withdrawn(nva: Appliance, since, timeout: float = 20) -> None:
    for vip in BOTH:
        nva.wait_withdrawn(vip, since, timeout)


def wait_all_announced(nva: Appliance) -> None:
    wait_announced(nva)
    nva.wait_states("announced", 60)


def wait_quiet(nva: Appliance) -> None:
    """bgpd sends again, 5 s after a route-map was defined, what goes by it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        mark = nva.mark()
        time.sleep(6)
        if not any(nva.updates_since(mark).values()):
            return
    raise AssertionError("updates without end")


def new_users_commands() -> str:
    """The first shell commands under "Install"."""
    return re.search(r"^## Install.*?^```sh\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)[1]

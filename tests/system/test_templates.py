"""What frr-templates/ and the README give people to paste is what real routers accept."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from herald import REPO
from lab import Lab
from routers import FRR_LIB

TEMPLATES = REPO / "frr-templates"
# What a bird.conf has before anything of herald's.
BIRD_HEAD = "router id 10.1.0.4;\nprotocol device { scan time 10; }\n"


def readme_block(mark: str) -> str:
    blocks = re.findall(r"^```\n(.*?)^```$", (REPO / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if mark in block]
    return block


def errors_of(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    text = done.stdout + done.stderr
    # bgpd -C exits 0 whatever it has read.
    return text if done.returncode != 0 or "on config line" in text else ""


def bird_errors(lab: Lab, text: str) -> str:
    return errors_of(["bird", "-p", "-c", str(written(lab, text))])


def frr_errors(lab: Lab, text: str) -> str:
    """vtysh knows the commands of every daemon, and bgpd the sense of its own."""
    file = str(written(lab, text))
    return errors_of(["vtysh", "-C", "-f", file]) + errors_of([str(FRR_LIB / "bgpd"), "-C", "-f", file])


def written(lab: Lab, text: str) -> Path:
    file = lab.dir / "pasted.conf"  # where the user of FRR's daemons may read it
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", [(TEMPLATES / "loopback-bird.conf").read_text(), BIRD_HEAD + readme_block("protocol direct")],
                         ids=["template", "readme"])
def test_bird_accepts(lab, text):
    assert bird_errors(lab, text) == ""


@pytest.mark.parametrize("text", [(TEMPLATES / "loopback.conf").read_text(), readme_block("router bgp")], ids=["template", "readme"])
def test_frr_accepts(lab, text):
    assert frr_errors(lab, text) == ""


def test_what_they_do_not_accept_is_noticed(lab):
    assert "syntax error" in bird_errors(lab, BIRD_HEAD + "template bgp rs { }\n")
    assert "nonsense" in errors_of(["vtysh", "-C", "-f", str(written(lab, "router bgp 1\n nonsense\n"))])
    assert "nonsense" in errors_of([str(FRR_LIB / "bgpd"), "-C", "-f", str(written(lab, "router bgp 1\n nonsense\n"))])

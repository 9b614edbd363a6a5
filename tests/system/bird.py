"""One BIRD 2 process: the base of Route Servers, of the on-premises router and of the BIRD flavour of NVA."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from namespaces import Namespace
from processes import tail
from waiting import LabError

if TYPE_CHECKING:
    from lab import Lab

# Labs should be up in a second or two. The shortest that BIRD offers; its own defaults are 5, 120, and 60 to 300 s.
FAST_BGP = "connect delay time 1; connect retry time 2; error wait time 1, 2;"


@dataclass(frozen=True)
class Reply:
    """A reply on BIRD's control socket. Codes below 8000 are success; see BIRD's doc/reply_codes."""

    code: int
    text: str

    @property
    def ok(self) -> bool:
        return self.code < 8000


class Bird:
    """A BIRD with its configuration, control socket and log in a directory of its own."""

    def __init__(self, lab: Lab, ns: Namespace, label: str) -> None:
        self.label = label
        self.dir = lab.subdir(label)
        self.conf = self.dir / "bird.conf"
        self.socket = self.dir / "bird.ctl"
        self.log = self.dir / "bird.log"
        argv = ["bird", "-f", "-c", str(self.conf), "-s", str(self.socket)]
        self.process = lab.process(ns, argv, self.dir / "bird.out")

    def head(self, router_id: str) -> str:
        """The lines that every configuration of the lab begins with. Stamps are UTC, see processes.py."""
        return (
            f'router id {router_id};\nlog "{self.log}" all;\ntimeformat log iso long us;\ntimeformat protocol iso long us;\n'
            "protocol device { scan time 10; }\n"
        )

    def start(self) -> None:
        self.process.start()
        self.process.wait_ready(self.answers, f"BIRD {self.label} answers on its socket")

    def answers(self) -> bool:
        try:
            return self.ask("show status").ok
        except OSError:
            return False

    def ask(self, command: str, timeout: float = 2) -> Reply:
        """What birdc does, without the cost of a process."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout)
            client.connect(str(self.socket))
            lines = client.makefile("r", encoding="utf-8", errors="replace")
            _read_reply(lines)
            client.sendall(command.encode() + b"\n")
            return _read_reply(lines)

    def must(self, command: str) -> str:
        reply = self.ask(command)
        if not reply.ok:
            raise LabError(f"{self.label}: birdc {command}: {reply.code} {reply.text}")
        return reply.text

    def configure(self, text: str) -> None:
        self.conf.write_text(text)
        self.must("configure")

    def established(self, protocol: str) -> bool:
        reply = self.ask(f"show protocols {protocol}")
        return reply.ok and re.search(rf"^{protocol}\s.*\sEstablished\s*$", reply.text, re.MULTILINE) is not None

    def route(self, prefix: str, protocol: str | None = None) -> str:
        """`show route PREFIX all`, empty when there is none."""
        of_protocol = f" protocol {protocol}" if protocol else ""
        reply = self.ask(f"show route {prefix}{of_protocol} all")
        return reply.text if reply.ok else ""

    def log_tail(self, lines: int = 30) -> str:
        return tail(self.log, lines)


def _read_reply(lines: object) -> Reply:
    """`NNNN-` more follows, `NNNN ` the last line, a leading space repeats the code of the line before."""
    text: list[str] = []
    for line in lines:  # type: ignore[attr-defined]
        line = line.rstrip("\n")
        if line[:4].isdigit() and line[4:5] in (" ", "-"):
            text.append(line[5:])
            if line[4] == " ":
                return Reply(int(line[:4]), "\n".join(text))
        else:
            text.append(line[1:])
    raise OSError("BIRD closed its control socket")


def quoted(path: Path) -> str:
    return f'"{path}"'

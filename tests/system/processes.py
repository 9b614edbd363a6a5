"""Processes of the lab. Each logs to a file of its own, runs in its own session (a Ctrl-C at the terminal reaches only the
bench, which then tears down in order), and is signalled by its pid only, never by name."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import interrupts
from waiting import LabError, wait_until


class Process:
    """A command that can be started, hurt, and started again. Output of all its lives is appended to one log file."""

    def __init__(self, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.argv = list(argv)
        self.log = log
        self.env = dict(env or {})
        self.started_at = 0.0
        self.all_pids: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.alive:
            raise LabError(f"already running: {self.argv}")
        with self.log.open("ab") as out, interrupts.deferred():  # between fork and the next line nobody would know the child
            # UTC, since the stamps in the routers' logs are local time and would be ambiguous at a clock change.
            env = {**os.environ, "TZ": "UTC", **self.env}
            self._child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True
            )
            self.all_pids.append(self._child.pid)
        self.started_at = time.time()

    @property
    def pid(self) -> int:
        if self._child is None:
            raise LabError(f"never started: {self.argv}")
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> int | None:
        """None while it runs (or before the first start); negative for a signal, as in subprocess."""
        return None if self._child is None else self._child.poll()

    def signal(self, number: int) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def sigstop(self) -> None:
        self.signal(signal.SIGSTOP)

    def sigcont(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and returns once the process is gone. Works on a stopped process too."""
        self.signal(signal.SIGKILL)
        self.wait(5)

    def signal_group(self, number: int) -> None:
        """Also what it has forked."""
        if self.alive:
            os.killpg(self.pid, number)

    def kill_group(self) -> None:
        """For servers that fork workers: the whole process group that this bench opened for them."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait(5)
            wait_until(lambda: not group_members(self.pid), f"end of all workers of {self.argv}", timeout=5)

    def terminate(self, timeout: float = 5) -> int | None:
        """SIGTERM and wait; SIGKILL if that is not enough. Returns the exit code, None if it had to be killed."""
        self.signal(signal.SIGTERM)
        if self.wait(timeout) is not None:
            return self.returncode
        self.kill()
        return None

    def restart(self) -> None:
        self.terminate()
        self.start()

    def wait(self, timeout: float) -> int | None:
        if self._child is None:
            return None
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def require_alive(self) -> None:
        if not self.alive:
            raise LabError(f"exited with {self.returncode}: {' '.join(self.argv)}\n{self.log_tail()}")

    def wait_ready(self, ready: object, what: str, timeout: float = 10) -> None:
        """Waits for `ready()`, and fails at once, with the log, when the process ends before."""

        def probe() -> bool:
            self.require_alive()
            return bool(ready())  # type: ignore[operator]

        wait_until(probe, what, timeout, evidence=self.log_tail)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int = 30) -> str:
        return tail(self.log, lines)


def group_members(group: int) -> list[int]:
    """Living members; a zombie that nobody has waited for yet holds no port any more."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(") ")[2].split()[:3]
        except OSError:  # ended meanwhile
            continue
        if int(its_group) == group and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def tail(path: Path, lines: int = 30) -> str:
    """The end of a log, headed by its name; used as evidence in failures. Reads at most the last 64 KiB."""
    if not path.exists():
        return f"== {path.name}: no such file"
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 65536))
        text = log.read().decode(errors="replace")
    return f"== {path.parent.name}/{path.name}, last {lines} lines\n" + "\n".join(text.splitlines()[-lines:])

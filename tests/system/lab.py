"""The lab: everything that one test run makes on this machine, and the promise that it is all gone afterwards.

A lab owns a prefix (`hd<pid>x<counter>`). Its namespaces, its FRR pathspaces and its directory carry that prefix, and every
process that it starts lives in one of those namespaces; so what has to go can be named exactly, and nothing else is touched.
The directory holds a file lock for as long as the owner lives: a lab whose lock can be taken has lost its owner (SIGKILL,
power), and the next lab clears it away."""

from __future__ import annotations

import atexit
import fcntl
import itertools
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import interrupts
import namespaces
from namespaces import Namespace
from processes import Process
from waiting import LabError

FRR_RUN_DIRS = (Path("/run/frr"), Path("/etc/frr"))
FRR_CRASH_DIR = Path("/var/tmp/frr")
KEEP_DIR = "HERALD_LAB_KEEP"  # set it to look at the logs after a run

_DIR_STEM = "herald-lab."
_PREFIX = re.compile(r"hd[0-9a-f]+x[0-9]+")
_counter = itertools.count()


class Lab:
    """Use as a context manager. Not for several threads."""

    def __init__(self) -> None:
        self.prefix = f"hd{os.getpid():x}x{next(_counter)}"
        self.dir = Path(tempfile.gettempdir(), _DIR_STEM + self.prefix)
        self.processes: list[Process] = []
        self.namespaces: dict[str, Namespace] = {}
        self._lock: int | None = None
        self._open = False

    def __enter__(self) -> Lab:
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces: it has to run as root")
        interrupts.install()
        atexit.register(self.close)
        self._open = True
        try:
            sweep_stale()
            with interrupts.deferred():
                self.dir, self._lock = _make_locked_dir(self.dir)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def namespace(self, label: str) -> Namespace:
        ns = Namespace(f"{self.prefix}-{label}")
        self.namespaces[label] = ns
        ns.create()
        return ns

    def subdir(self, label: str, owner: str | None = None) -> Path:
        path = self.dir / label
        path.mkdir(exist_ok=True)
        if owner:
            shutil.chown(path, owner, owner)
        return path

    def process(self, ns: Namespace, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Process:
        """Prepares a process of this lab in `ns`; the caller starts it."""
        process = Process(ns.command(argv), log, env)
        self.processes.append(process)
        return process

    def close(self) -> None:
        """Idempotent; a second Ctrl-C waits until everything is gone."""
        if not self._open:
            return
        with interrupts.deferred():
            for process in reversed(self.processes):
                process.kill()
            pids = [pid for process in self.processes for pid in process.all_pids]
            _erase(self.prefix, self.dir, pids)
            self.processes.clear()
            self.namespaces.clear()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
            atexit.unregister(self.close)
            interrupts.uninstall()
            self._open = False


def sweep_stale() -> list[str]:
    """Clears away labs whose owner died without doing so itself. A lab with a living owner holds its lock and is left alone."""
    swept = []
    for directory in Path(tempfile.gettempdir()).glob(_DIR_STEM + "*"):
        prefix = directory.name.removeprefix(_DIR_STEM)
        if not _PREFIX.fullmatch(prefix):
            continue
        lock = _try_lock(directory)
        if lock is not None:
            with interrupts.deferred():
                _erase(prefix, directory, [])
                os.close(lock)
            swept.append(prefix)
    return swept


def _make_locked_dir(final: Path) -> tuple[Path, int]:
    """Made under a hidden name, locked, then renamed: a sweeper never sees a directory whose lock is not held yet."""
    hidden = Path(tempfile.mkdtemp(prefix=".herald-lab-"))
    lock = os.open(hidden / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    hidden.chmod(0o755)  # FRR's daemons run as frr and write their logs below
    return hidden.rename(final), lock


def _try_lock(directory: Path) -> int | None:
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock
    except OSError:
        os.close(lock)
        return None


def _erase(prefix: str, directory: Path, pids: Sequence[int]) -> None:
    """Removes everything that carries `prefix`. `pids` are processes of the lab that have ended already."""
    names = namespaces.existing(prefix + "-")
    ended = [*pids, *_kill_all_in(names)]
    for name in names:
        Namespace(name).delete()
    for pid in ended:
        for left in FRR_CRASH_DIR.glob(f"*.{pid}"):  # FRR daemons keep a log buffer here, and leave it after SIGKILL
            shutil.rmtree(left, ignore_errors=True)
    for parent in FRR_RUN_DIRS:
        for left in parent.glob(prefix + "-*"):
            shutil.rmtree(left, ignore_errors=True)
    if os.environ.get(KEEP_DIR):
        (directory / "lock").unlink(missing_ok=True)  # no lock, no lab: sweepers leave it to the reader
        print(f"kept {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)


def _kill_all_in(names: Sequence[str]) -> list[int]:
    """SIGKILL to every process in these namespaces, repeated while they fork; returns the pids."""
    killed: list[int] = []
    deadline = time.monotonic() + 5
    while (pids := namespaces.pids_in(names)) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        killed.extend(pids)
        time.sleep(0.01)
    return killed

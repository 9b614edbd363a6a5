"""A file system of a test's own on a loop device: it can be frozen, filled and made read-only, and is always gone afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import LabError


class Disk:
    """ext4, mounted on `at`, in a file of another such file system: `below`."""

    def __init__(self, at: Path, below: Path) -> None:
        self.at = at
        self._below = below
        self._frozen: list[Path] = []

    def freeze(self) -> None:
        """As backups and snapshots do it: whoever writes waits, and cannot be killed meanwhile."""
        self._freeze(self.at)

    def hang(self) -> None:
        """The device takes nothing any more."""
        self._freeze(self._below)

    def thaw(self) -> None:
        while self._frozen:
            _run("fsfreeze", "--unfreeze", str(self._frozen.pop()))

    def _freeze(self, what: Path) -> None:
        _run("fsfreeze", "--freeze", str(what))
        self._frozen.append(what)

    def fill(self) -> Path:
        """To the last byte; returns what has to be removed to end that."""
        filler = self.at / "filler"
        with filler.open("wb", buffering=0) as out:
            for size in (65536, 1024, 1):
                try:
                    while out.write(b"x" * size):
                        pass
                except OSError:
                    continue
        return filler

    def remount(self, options: str) -> None:
        _run("mount", "-o", f"remount,{options}", str(self.at))


@contextmanager
def disk(below: Path, at: Path) -> Iterator[Disk]:
    """`below` is an empty directory."""
    with _mounted(below.with_suffix(".img"), 48, below), _mounted(below / "disk.img", 16, at):
        made = Disk(at, below)
        try:
            yield made
        finally:
            made.thaw()


@contextmanager
def _mounted(image: Path, mebibytes: int, at: Path) -> Iterator[None]:
    with image.open("wb") as out:
        out.truncate(mebibytes << 20)
    _run("mkfs.ext4", "-q", "-m", "0", str(image))
    _run("mount", "-o", "loop", str(image), str(at))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(at))  # what still uses it ends, and then it goes


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")

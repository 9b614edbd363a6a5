"""Real servers as they run where they may not be missed: with the ways in which each is reloaded.

`reload()` returns when the reload is over, so that many in a row are many, and none is swallowed by the one before."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from namespaces import Namespace
from processes import group_members
from servers import Nsd, RealServer, Unbound
from waiting import LabError, wait_until

if TYPE_CHECKING:
    from lab import Lab

PATIENCE = 30


class DaemonNginx(RealServer):
    """nginx as a daemon: only as such it exchanges its program (it refuses while its parent is the one that it was started by)."""

    program = "nginx"

    def __init__(
        self, lab: Lab, ns: Namespace, label: str, port: int, listen: str = "", workers: int = 2, address: str = "127.0.0.1"
    ) -> None:
        directory = lab.subdir(label)
        super().__init__(lab, ns, label, port, ["-p", str(directory), "-c", "nginx.conf", "-e", str(directory / "error.log")])
        self._address = address
        self._listen = listen
        self.use_workers(workers)

    def use_workers(self, workers: int) -> None:
        """Taken by the next reload."""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"  {kind}_temp_path {self.dir}/{kind};\n" for kind in kinds)
        self.conf.write_text(f"""user root; worker_processes {workers}; pid {self.dir}/pid; error_log {self.dir}/error.log;
events {{ worker_connections 512; }}
http {{
{places}  access_log off;
  server {{
    listen {self._address}:{self.port}{self._listen};
    location = /healthz {{ default_type text/plain; return 200 "ok\\n"; }}
  }}
}}
""")

    @property
    def master(self) -> int:
        return int((self.dir / "pid").read_text() or 0)

    def start(self) -> None:
        self.process.start()
        if self.process.wait(PATIENCE) != 0:
            raise LabError(f"nginx did not start\n{self.process.log_tail()}")
        wait_until(self._accepts, f"nginx accepts on port {self.port}", PATIENCE)

    def reload(self, former_go: bool = True) -> None:
        """Those that have a connection still stay beside the others."""
        before = children(self.master)
        os.kill(self.master, signal.SIGHUP)
        wait_until(lambda: children(self.master) - before, "nginx has other workers", PATIENCE)
        if former_go:
            wait_until(lambda: not children(self.master) & before, "the former ones have gone", PATIENCE)

    def upgrade(self) -> None:
        """Another program takes over: USR2 starts it, WINCH ends the former one's workers, QUIT itself."""
        before = self.master
        workers = children(before)
        os.kill(before, signal.SIGUSR2)
        wait_until(lambda: self._master_is_other(before), "a second nginx runs", PATIENCE)
        os.kill(before, signal.SIGWINCH)
        wait_until(lambda: not children(before) & workers, "the former workers have gone", PATIENCE)
        os.kill(before, signal.SIGQUIT)
        wait_until(lambda: not is_running(before), "the former nginx has gone", PATIENCE)

    def _master_is_other(self, before: int) -> bool:
        try:
            return self.master not in (0, before) and bool(children(self.master))
        except OSError:
            return False

    def restart(self) -> None:
        before = self.master
        os.kill(before, signal.SIGTERM)
        wait_until(lambda: not is_running(before), "nginx has gone", PATIENCE)
        self.start()

    def kill(self) -> None:
        group = {pid for pid in self.ns.pids() if name_of(pid) == "nginx"}
        for pid in sorted(group):
            os.kill(pid, signal.SIGKILL)

    stop = kill


class ReloadedHaProxy(RealServer):
    """HAProxy with a frontend that answers itself. `start_anew` says how another process takes over:

    master   by its master (-W), which is told so by USR2
    sockets  -x and -sf: the listeners are handed over
    overlap  -sf alone: both listen for a moment (SO_REUSEPORT)
    """

    program = "haproxy"

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int, start_anew: str) -> None:
        directory = lab.subdir(label)
        conf = directory / "haproxy.conf"
        own = ["-W"] if start_anew == "master" else ["-db"]
        super().__init__(lab, ns, label, port, [*own, "-f", str(conf)])
        self._start_anew = start_anew
        self._admin = directory / "admin.sock"
        hands_over = "" if start_anew == "overlap" else " expose-fd listeners"
        self._lab = lab
        self.conf.write_text(f"""global
  stats socket {self._admin} mode 600 level admin{hands_over}
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend web
  bind 127.0.0.1:{port}
  http-request return status 200 content-type text/plain string "ok"
""")

    def reload(self) -> None:
        if self._start_anew == "master":
            before = children(self.process.pid)
            self.process.signal(signal.SIGUSR2)
            wait_until(lambda: (now := children(self.process.pid)) and not now & before, "HAProxy has another worker", PATIENCE)
            return
        former = self.process
        old = ["-sf", str(former.pid)]
        by = ["-x", str(self._admin), *old] if self._start_anew == "sockets" else old
        path = shutil.which(self.program)
        self.process = self._lab.process(self.ns, [str(path), "-db", "-f", str(self.conf), *by], self.dir / "server.log")
        self.process.start()
        wait_until(lambda: not former.alive, "the former HAProxy has gone", PATIENCE, evidence=self.process.log_tail)

    def restart(self) -> None:
        self.process.terminate(PATIENCE)
        self.start()


class ReloadedUnbound(Unbound):
    """unbound with two threads, each of which has a socket of its own for queries."""

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int) -> None:
        included = lab.subdir(label) / "own.conf"
        included.write_text(f"""server:
  interface: 127.0.0.1@{port}
  num-threads: 2
  so-reuseport: yes
  verbosity: 1
  logfile: ""
  local-zone: "health.example.net." static
  local-data: "health.example.net. A 192.0.2.1"
""")
        super().__init__(lab, ns, label, port, included)

    def reload(self) -> None:
        before = self._starts()
        self.sighup()
        wait_until(lambda: self._starts() > before, "unbound serves again", PATIENCE)

    def _starts(self) -> int:
        return self.process.log_text().count("start of service")

    def restart(self) -> None:
        self.process.terminate(PATIENCE)
        self.start()


class ReloadedNsd(Nsd):
    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int) -> None:
        super().__init__(lab, ns, label, "example.net", port)
        self._serial = 1

    def reload(self) -> None:
        before = set(group_members(self.process.pid))
        self._serial += 1
        self.write_zone(self._serial)
        self.sighup()

        def is_over() -> bool:
            now = set(group_members(self.process.pid))
            return bool(now - before) and len(now) == len(before)

        wait_until(is_over, "NSD has other servers", PATIENCE)

    def restart(self) -> None:
        self.process.signal(signal.SIGTERM)
        wait_until(lambda: not self.process.alive and not group_members(self.process.pid), "NSD has gone", PATIENCE)
        self.start()


def children(pid: int) -> set[int]:
    try:
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return set()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""

"""Services that are probed: own servers with fault switches, and real ones (nginx, NSD, chrony)."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from namespaces import Namespace
from waiting import LabError

if TYPE_CHECKING:
    from lab import Lab

_HERE = Path(__file__).resolve().parent

# RFC 5905: version 4, client; the rest may be zero.
NTP_QUERY = b"\x23" + bytes(47)


class FaultServer:
    """A server of ours in a namespace. It obeys its switch file from the next request on, and logs every request.

    Beside the modes: `kill` (port closed, connections reset), `sigstop` (the kernel accepts, nobody answers)."""

    script = ""

    def __init__(
        self, lab: Lab, ns: Namespace, label: str, port: int, address: str = "", options: Sequence[str] = (), **wanted: Any
    ) -> None:
        """`address` empty: all, IPv4 and IPv6. `wanted` is the first behaviour, as in `set`."""
        self.port = port
        self.dir = lab.subdir(label)
        self._switch = self.dir / "switch.json"
        self._requests = self.dir / "requests.jsonl"
        # -B -E -S: no cache written, no environment, no site packages: starts in a third of the time.
        argv = [sys.executable, "-BES", str(_HERE / self.script), "--port", str(port), "--address", address]
        argv += ["--switch", str(self._switch), "--requests", str(self._requests), *options]
        self.process = lab.process(ns, argv, self.dir / "server.log")
        self.set(**{"mode": self.default_mode, **wanted})

    default_mode = ""

    def set(self, mode: str, **parameters: Any) -> None:
        fresh = self._switch.with_suffix(".new")
        fresh.write_text(json.dumps({"mode": mode, **parameters}))
        fresh.replace(self._switch)

    def start(self) -> None:
        before = self.process.log_text().count("ready\n")
        self.process.start()
        self.process.wait_ready(lambda: self.process.log_text().count("ready\n") > before, f"{self.script} is ready")

    def stop(self) -> None:
        self.process.kill()

    def kill(self) -> None:
        self.process.kill()

    def sigstop(self) -> None:
        self.process.sigstop()

    def sigcont(self) -> None:
        self.process.sigcont()

    def requests(self, since: float = 0) -> list[dict[str, Any]]:
        """What was asked from `since` (a time) on, each with its `time` and the peer's `port`."""
        if not self._requests.exists():
            return []
        complete = self._requests.read_text().split("\n")[:-1]
        return [request for line in complete if (request := json.loads(line))["time"] >= since]


class HttpService(FaultServer):
    """Modes: answer, hang, drip, endless, endless_headers, endless_chunk, garbage, short, close, reset (see http_service.py)."""

    script = "http_service.py"
    default_mode = "answer"

    def __init__(self, *args: Any, tls: tuple[Path, Path] | None = None, **wanted: Any) -> None:
        options = ["--cert", str(tls[0]), "--key", str(tls[1])] if tls else []
        super().__init__(*args, options=options, **wanted)

    def ok(self) -> None:
        self.set("answer")

    def status(self, status: int, **parameters: Any) -> None:
        """Answers with that status; `body`, `headers` and `delay` as wanted."""
        self.set("answer", status=status, **parameters)


class TcpService(FaultServer):
    """Modes: banner, reply, silent, drip, endless, garbage, close, reset (see tcp_service.py)."""

    script = "tcp_service.py"
    default_mode = "banner"


class HostileDns(FaultServer):
    """Modes: right, empty, servfail, nxdomain, refused, silent, wrong_id, wrong_question, wrong_source, spoofed_first, echo,
    truncated, truncated_hang, junk, short, pointer_loop, pointer_chains (TCP), false_counts, huge, tcp_endless, tcp_drip, tcp_reset (see hostile_dns.py);
    with any of them `lose_every_second=True`."""

    script = "hostile_dns.py"
    default_mode = "right"


class RealServer:
    """A server from Debian with its configuration in the lab's directory. It forks workers, which go with it."""

    program = ""

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int, argv: Sequence[str]) -> None:
        path = shutil.which(self.program)
        if path is None:
            raise LabError(f"{self.program} is not installed")
        self.port = port
        self._address = "127.0.0.1"
        self.ns = ns
        self.dir = lab.subdir(label)
        self.conf = self.dir / f"{self.program}.conf"
        self.process = lab.process(ns, [path, *argv], self.dir / "server.log")

    def start(self) -> None:
        self.process.start()
        self.process.wait_ready(self._accepts, f"{self.program} accepts on port {self.port}")

    def _accepts(self) -> bool:
        try:
            with self.ns.entered(), socket.create_connection((self._address, self.port), timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.kill_group()

    def kill(self) -> None:
        self.process.kill_group()

    def sighup(self) -> None:
        self.process.signal(signal.SIGHUP)

    def sigstop(self) -> None:
        """Its workers, too."""
        self.process.signal_group(signal.SIGSTOP)

    def sigcont(self) -> None:
        self.process.signal_group(signal.SIGCONT)


class Nginx(RealServer):
    """nginx that answers `/healthz` with 200 "ok"; `server` is put into its server block."""

    program = "nginx"

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int, server: str = "") -> None:
        directory = lab.subdir(label)
        super().__init__(lab, ns, label, port, ["-p", str(directory), "-c", "nginx.conf", "-e", "stderr"])
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"  {kind}_temp_path {directory}/{kind};\n" for kind in kinds)
        self.conf.write_text(f"""daemon off; user root; worker_processes 1; pid {directory}/pid;
events {{ worker_connections 512; }}
http {{
{places}  access_log {directory}/access.log;
  server {{
    listen {port}; listen [::]:{port};
    location = /healthz {{ default_type text/plain; return 200 "ok\\n"; }}
    {server}
  }}
}}
""")


class Nsd(RealServer):
    """NSD, authoritative for one zone; `health.<zone>` is an A record."""

    program = "nsd"

    def __init__(self, lab: Lab, ns: Namespace, label: str, zone: str, port: int, records: str = "") -> None:
        directory = lab.subdir(label)
        super().__init__(lab, ns, label, port, ["-d", "-c", str(directory / "nsd.conf")])
        self.zone = zone
        self.zone_file = directory / "zone"
        self._records = records
        self.write_zone(serial=1)
        self.conf.write_text(f"""server:
  ip-address: 0.0.0.0
  ip-address: ::0
  port: {port}
  username: ""
  chroot: ""
  server-count: 1
  database: ""
  zonesdir: "{directory}"
  pidfile: "{directory}/pid"
  xfrdfile: "{directory}/xfrd"
  xfrdir: "{directory}"
  zonelistfile: "{directory}/zonelist"
  cookie-secret-file: "{directory}/cookie"
remote-control:
  control-enable: no
zone:
  name: {zone}
  zonefile: zone
""")

    def write_zone(self, serial: int, address: str = "192.0.2.1") -> None:
        """To make a running NSD take it: `sighup()`."""
        self.zone_file.write_text(f"""$ORIGIN {self.zone}.
$TTL 60
@ SOA ns hostmaster {serial} 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
health A {address}
{self._records}
""")


class HaProxy(RealServer):
    """HAProxy with a configuration as it is."""

    program = "haproxy"

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int, config: Path) -> None:
        super().__init__(lab, ns, label, port, ["-db", "-f", str(config)])


class Unbound(RealServer):
    """unbound with a file that is included by Debian's unbound.conf, which is cut down to what a lab has."""

    program = "unbound"

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int, included: Path) -> None:
        super().__init__(lab, ns, label, port, ["-d", "-c", str(lab.subdir(label) / "unbound.conf")])
        self.conf.write_text(f"""server:
  chroot: ""
  username: ""
  pidfile: ""
  directory: "{self.dir}"
  use-syslog: no
include: {included}
remote-control:
  control-enable: no
""")


class Chrony(RealServer):
    """chronyd that serves NTP over UDP at stratum 3 by the machine's clock, which it does not touch."""

    program = "chronyd"

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int) -> None:
        # -x: the clock is left alone; -d: in the foreground, without syslog.
        argv = ["-x", "-d", "-u", "root", "-f", str(lab.subdir(label) / "chronyd.conf")]
        super().__init__(lab, ns, label, port, argv)
        self.conf.write_text(f"""port {port}
allow all
local stratum 3
cmdport 0
bindcmdaddress /
pidfile {self.dir}/pid
""")

    def _accepts(self) -> bool:
        with self.ns.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(1)
            client.connect(("127.0.0.1", self.port))
            try:
                client.send(NTP_QUERY)
                return len(client.recv(512)) >= len(NTP_QUERY)
            except OSError:
                return False


class SlowHandshake(RealServer):
    """TLS 1.2 with a Diffie-Hellman modulus of 8,192 bits that is no known group: each handshake takes a client seconds of CPU."""

    program = "openssl"

    def __init__(self, lab: Lab, ns: Namespace, label: str, port: int) -> None:
        directory = lab.subdir(label)
        cert, key, group = directory / "cert.pem", directory / "key.pem", directory / "dh.pem"
        argv = ["s_server", "-accept", str(port), "-www", "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"]
        super().__init__(lab, ns, label, port, [*argv, "-cert", str(cert), "-key", str(key), "-dhparam", str(group)])
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-subj", "/CN=slow"]
        subprocess.run(request, check=True, capture_output=True)
        modulus = int("f" + "a5" * 1023 + "7", 16)  # of a known group a client would take a short exponent
        inner = _der(2, modulus.to_bytes(1025, "big")) + _der(2, b"\x03")
        text = base64.encodebytes(_der(0x30, inner)).decode()
        group.write_text(f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n")


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def make_certificate(directory: Path, names: Sequence[str] = ("localhost",), days: int = 30) -> tuple[Path, Path]:
    """A self-signed certificate and its key, for `HttpService(tls=...)`; `names` may be addresses too."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    alternatives = ",".join(("IP:" if _is_address(name) else "DNS:") + name for name in names)
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-keyout", str(key), "-out", str(cert), "-days", str(days), "-subj", f"/CN={names[0]}"]
    subprocess.run([*argv, "-addext", f"subjectAltName={alternatives}"], check=True, capture_output=True)
    return cert, key


def fetch(
    ns: Namespace, address: str, port: int, path: str = "/healthz", timeout: float = 2, tls: Path | None = None
) -> tuple[int, str]:
    """One HTTP request from inside a namespace: status and body. OSError when there is no answer."""
    with ns.entered():
        sock = socket.create_connection((address, port), timeout=timeout)
    if tls:
        sock = ssl.create_default_context(cafile=str(tls)).wrap_socket(sock, server_hostname=address)
    with sock:
        host = f"[{address}]" if ":" in address else address
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while more := sock.recv(65536):
            data += more
    head, _, body = data.decode("latin-1").partition("\r\n\r\n")
    words = head.split(" ")
    if len(words) < 2 or not words[1].isdigit():
        raise OSError(f"not an HTTP response: {data[:80]!r}")
    return int(words[1]), body


def _is_address(name: str) -> bool:
    return name.replace(".", "").isdigit() or ":" in name

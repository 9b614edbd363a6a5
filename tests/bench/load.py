"""5,000 HTTP checks a second, every one on a fresh connection: herald on one core, then HAProxy on the same core, against the same
nginx on the other core. What is compared is processor time a check, as the kernel counts it for each process."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from herald import http, service
from lab import Lab
from namespaces import Namespace
from processes import Process
from waiting import wait_until

PROBES = 5000
SERVICES = 50
SECONDS = 20
CORE, OTHER_CORE = "0", "1"
MOST_RATIO = 1.6
MOST_RSS_KB = 80 * 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_kb(pid: int) -> int:
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


def start_nginx(lab: Lab, ns: Namespace) -> None:
    directory = lab.subdir("nginx")
    (directory / "nginx.conf").write_text(f"""daemon off; user root; worker_processes 1; pid {directory}/pid;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
 uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
 server {{ listen 8080 backlog=8192; location = /healthz {{ default_type text/plain; return 200 "ok\\n"; }}
           location = /count {{ stub_status; }} }} }}
""")
    argv = ["taskset", "-c", OTHER_CORE, "nginx", "-p", str(directory), "-c", "nginx.conf", "-e", "stderr"]
    process = lab.process(ns, argv, directory / "log")
    process.start()
    wait_until(lambda: handled(ns) is not None, "nginx counts", 10)


def handled(ns: Namespace) -> int | None:
    """Requests that nginx has answered, without ours for this figure."""
    done = ns.run("curl", "-s", "http://127.0.0.1:8080/count", check=False)
    lines = done.stdout.splitlines()
    return int(lines[2].split()[2]) - 1 if len(lines) > 2 else None


def measure(ns: Namespace, process: Process, warm_up: float) -> tuple[float, float]:
    """Checks a second, and microseconds of processor time a check."""
    time.sleep(warm_up)
    process.require_alive()
    count, cpu, start = handled(ns), cpu_seconds(process.pid), time.monotonic()
    time.sleep(SECONDS)
    count, cpu, elapsed = handled(ns) - count - 1, cpu_seconds(process.pid) - cpu, time.monotonic() - start
    return count / elapsed, cpu / count * 1e6


def run_herald(lab: Lab, ns: Namespace) -> tuple[float, float, int, dict]:
    from herald import Herald

    each = PROBES // SERVICES
    probes = [[http(8080, name=f"p{n}", interval="1s", fast_interval="1s") for n in range(each)] for _ in range(SERVICES)]
    services = [service(f"s{n}", f"10.99.0.{n + 1}/32", *probes[n]) for n in range(SERVICES)]
    daemon = Herald(lab, ns, "herald", {"router": {"stack": "none"}, "services": services})
    daemon.process.argv[:0] = ["taskset", "-c", CORE]
    daemon.start()
    rate, each_us = measure(ns, daemon.process, warm_up=12)
    rss, status = rss_kb(daemon.process.pid), daemon.status()
    daemon.stop()
    return rate, each_us, rss, status


def run_haproxy(lab: Lab, ns: Namespace) -> tuple[float, float, int]:
    directory = lab.subdir("haproxy")
    servers = "".join(f"  server s{n} 127.0.0.1:8080 check inter 1s\n" for n in range(PROBES))
    (directory / "haproxy.cfg").write_text(f"""global
  nbthread 1
  maxconn 100
  ulimit-n 20000
defaults
  mode http
  timeout connect 800ms
  timeout client 1s
  timeout server 1s
  timeout check 800ms
frontend idle
  bind 127.0.0.1:9999
  default_backend web
backend web
  option httpchk GET /healthz
  http-check expect status 200-299
{servers}""")
    argv = ["taskset", "-c", CORE, "haproxy", "-db", "-f", str(directory / "haproxy.cfg")]
    process = lab.process(ns, argv, directory / "log")
    process.start()
    rate, each_us = measure(ns, process, warm_up=12)
    rss = rss_kb(process.pid)
    process.kill()
    return rate, each_us, rss


def main() -> int:
    with Lab() as lab:
        ns = lab.namespace("load")
        start_nginx(lab, ns)
        ha_rate, ha_us, ha_rss = run_haproxy(lab, ns)
        rate, us, rss, status = run_herald(lab, ns)
    inconclusive = sum(p["inconclusive"] for s in status["services"] for p in s["probes"])
    late = status["lateness"]
    print(f"HAProxy: {ha_rate:7.0f} checks/s  {ha_us:6.1f} us CPU a check  RSS {ha_rss / 1024:5.1f} MB")
    print(f"herald:  {rate:7.0f} checks/s  {us:6.1f} us CPU a check  RSS {rss / 1024:5.1f} MB  timers late p99 {late['p99_ms']:.2f} ms, "
          f"{inconclusive} inconclusive")
    print(f"herald/HAProxy: {us / ha_us:.2f} x CPU a check (limit {MOST_RATIO}); due attempts that ran: {rate / PROBES:.1%} (at least 99 %); "
          f"RSS limit {MOST_RSS_KB // 1024} MB")
    return int(us / ha_us > MOST_RATIO or rate < 0.99 * PROBES or rss > MOST_RSS_KB)


if __name__ == "__main__":
    sys.exit(main())

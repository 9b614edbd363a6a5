"""Resident memory with ten services, and what of it is shared with every other program that uses the same libraries."""

from __future__ import annotations

import sys
import time

from herald import http, service
from lab import Lab
from region import make_region

LIMIT_KB = 15 * 1024


def main() -> int:
    with Lab() as lab:
        region = make_region(lab, "frr")
        region.http_service(port=8080)
        services = [service(f"s{n}", f"10.99.0.{n}/32", http(8080)) for n in range(1, 11)]
        herald = region.herald(services=services)
        herald.wait_state("s10", "announced")
        time.sleep(5)
        parts = {key: herald._proc_status(key) for key in ("VmRSS", "RssAnon", "RssFile")}
        herald.stop()
    print(f"10 services: RSS {parts['VmRSS'] / 1024:.1f} MB (limit 15.0), of which own {parts['RssAnon'] / 1024:.1f} MB, "
          f"libraries and program {parts['RssFile'] / 1024:.1f} MB")
    return int(parts["VmRSS"] > LIMIT_KB)


if __name__ == "__main__":
    sys.exit(main())

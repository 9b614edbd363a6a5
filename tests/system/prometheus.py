"""Debian's Prometheus, which scrapes one target every second."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

from namespaces import Namespace


class Prometheus:
    """In the namespace of its target. Ends with the block."""

    def __init__(self, ns: Namespace, folder: Path, target: str, port: int = 9090) -> None:
        self._ns = ns
        self._port = port
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
                                      "scrape_configs": [{"job_name": "herald", "static_configs": [{"targets": [target]}]}]}))
        self._log = (folder / "prometheus.log").open("w")
        argv = ["/usr/bin/prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
        self._process = subprocess.Popen(ns.command(argv), stdout=self._log, stderr=self._log)

    def __enter__(self) -> Prometheus:
        return self

    def query(self, text: str) -> list[dict]:
        url = f"http://127.0.0.1:{self._port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        try:
            with self._ns.entered(), urllib.request.urlopen(url, timeout=10) as reply:
                return json.load(reply)["data"]["result"]
        except OSError:
            return []

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

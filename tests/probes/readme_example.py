#!/usr/bin/env python3
"""The example of probes/README.md, done as it says: readme_example.py FOLDER takes its sources and schema file from the text,
puts its row into the table of the types, and joins its keys to the schema."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(cpp|json)\n(.*?)^```$", re.M | re.S)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "probes/README.md").read_text()
    (name,) = set(re.findall(r"`row\((\w+)\)` in the table", text)) - {"NAME"}
    probe, test = (code for language, code in FENCE.findall(text) if language == "cpp")
    (keys,) = (code for language, code in FENCE.findall(text) if language == "json")
    (folder / "probe.cc").write_text(probe)
    (folder / "probe_test.cc").write_text(test)
    own = folder / f"{name}.json"
    own.write_text(keys)

    table = (ROOT / "probes/registry.cc").read_text()
    assert table.count("row(http)") == 1, "the table of the types looks otherwise now"
    table = table.replace("row(http)", f"row(http) row({name})")
    (folder / "registry_checks.cc").write_text(table)
    (folder / "registry_makes.cc").write_text("#define HERALD_RUNS_PROBES\n" + table)

    schema = folder / "herald.schema.json"
    joined = subprocess.run([sys.executable, ROOT / "packaging/schema/join.py", own], capture_output=True, text=True, check=True)
    schema.write_text(joined.stdout)
    (folder / "schema_file.cc").write_text(
        f'#include "tests/packaging/schema_places.h"\n\nconst char* schema::file() {{\n  return "{schema}";\n}}\n')


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The schema of the configuration out of herald.json and a file for each type of probe: join.py [MORE...] > herald.schema.json

TYPE.json holds what is the type's own: "description", "required", "properties", and "has_socket": false for a type without one,
"has_listener": true for one whose target is a TCP port, or a unix socket.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BASE = "herald"
SOCKET_KEYS = ("source", "bind_device", "mark")
LISTENER_KEYS = ("accept_stall", "hold")


def definition(own: dict[str, Any], shared: list[str]) -> dict[str, Any]:
    has_socket = own.pop("has_socket", True)
    left_out = (() if has_socket else SOCKET_KEYS) + (() if own.pop("has_listener", False) else LISTENER_KEYS)
    keys = {"name": "probe_name", "type": "probe_type"} | {key: key for key in shared if key not in left_out}
    return {
        "type": "object",
        "description": own.pop("description"),
        "additionalProperties": False,
        "required": ["type", *own.pop("required", [])],
        "properties": {key: {"$ref": f"#/definitions/{name}"} for key, name in keys.items()} | own.pop("properties"),
    } | own


def joined(more: list[Path]) -> dict[str, Any]:
    schema = json.loads((HERE / f"{BASE}.json").read_text())
    definitions = schema["definitions"]
    files = {path.stem: path for path in [*HERE.glob("*.json"), *more] if path.stem != BASE}
    types = sorted(files)
    definitions["probe"] |= {
        "required": ["type"],
        "properties": {"type": {"enum": types}},
        "allOf": [{"if": {"properties": {"type": {"const": kind}}}, "then": {"$ref": f"#/definitions/probe_{kind}"}} for kind in types],
    }
    definitions["probe_type"]["enum"] = types
    for kind in types:
        own = json.loads(files[kind].read_text())
        definitions[f"probe_{kind}"] = definition(own, list(definitions["defaults"]["properties"]))
    return schema


if __name__ == "__main__":
    print(json.dumps(joined([Path(name) for name in sys.argv[1:]]), indent=2, ensure_ascii=False))

#!/usr/bin/env python3
"""herald.json(5) out of the schema, which a test compares with the parser: herald_json.py SCHEMA > herald.json.5"""

from __future__ import annotations

import json
import sys
import textwrap
from typing import Any

HEAD = r""".\" Made by packaging/man/herald_json.py out of herald.schema.json.
.Dd November 25, 2026
.Dt HERALD.JSON 5
.Os
.Sh NAME
.Nm herald.json
.Nd configuration of heraldd
.Sh SYNOPSIS
.Pa /etc/herald/herald.json
.Pp
.Pa /etc/herald/services.d/*.json
.Sh DESCRIPTION
What
.Xr heraldd 8
announces, while which services are healthy.
The format is JSON;
.Ql //
comments are allowed.
An unknown key, a wrong type, a value out of range,
a name or an address that is given twice:
all are errors, and all are reported at once, by
.Ql heraldd --check
before anything runs.
.Pp
Further services may be in files of their own in
.Pa /etc/herald/services.d ,
read in name order: each holds
.Ql { \(dqservices\(dq: [...] }
or a single service, and nothing that belongs to the main file.
.Pp
A duration is a string of a number and a unit, which is
.Ql ms ,
.Ql s ,
.Ql m ,
.Ql h
or
.Ql d :
.Ql \(dq250ms\(dq .
.Pp
Editors complete and check with
.Pa /usr/share/herald/herald.schema.json ,
if the file's key
.Ql $schema
names it.
.Sh KEYS
"""

TAIL = r""".Sh FILES
.Bl -tag -width Ds
.It Pa /etc/herald/herald.json
the main file
.It Pa /etc/herald/services.d/*.json
further services
.It Pa /usr/share/herald/herald.schema.json
this page for programs
.It Pa /usr/share/doc/herald/doc
these keys by example: configuration.md, levers.md, fast-withdraw.md,
fallback.md, brake.md
.It Pa /usr/share/doc/herald/examples
complete examples, each with the configuration of the router beside it
.El
.Sh EXAMPLES
.Bd -literal
{
  "router": { "stack": "frr" },
  "services": [
    {
      "name": "web",
      "vips": ["10.99.0.1/32"],
      "probes": [
        { "name": "front", "type": "http", "url": "http://127.0.0.1:8080/healthz" }
      ]
    }
  ]
}
.Ed
.Sh SEE ALSO
.Xr heraldctl 1 ,
.Xr heraldd 8
"""

SHARED = "/definitions/defaults/properties"


class Page:
    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.lines: list[str] = []
        self.printed: list[dict[str, Any]] = []
        self.shared = set(self.at(SHARED)) | {"name", "type"}

    def at(self, pointer: str) -> Any:
        node: Any = self.schema
        for step in pointer.removeprefix("#").split("/")[1:]:
            node = node[step]
        return node

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in [{"$ref": node["$ref"]}] if "$ref" in node else [p for p in node.get("allOf", []) if "$ref" in p]:
            merged |= self.resolved(self.at(part["$ref"]))
        return merged | {key: value for key, value in node.items() if key not in ("$ref", "allOf")}

    def forms(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.resolved(form) for form in node["anyOf"]] if "anyOf" in node else [node]

    def section(self, title: str, node: dict[str, Any], keys: dict[str, Any], words: str = "") -> None:
        """One list of keys, and after it a section for each key that is an object itself."""
        self.lines += [f".Ss {text(title)}", *sentences(words or node.get("description", ""))]
        self.lines += [".Bl -tag -width Ds"]
        required = node.get("required", [])
        below: list[tuple[str, dict[str, Any]]] = []
        for key, raw in keys.items():
            value = self.resolved(raw)
            self.lines += [f".It Ic {text(key)} : {text(self.kind(value))}{text(self.standing(value, key in required))}"]
            self.lines += sentences(value.get("description", ""))
            if words_of := value.get("items", {}).get("enum"):
                self.lines += sentences(f"They are: {', '.join(words_of)}.")
            below += [(key, form) for form in self.forms(value) if "properties" in form]
            if "items" in value and "properties" in self.resolved(value["items"]):
                below.append((key + "[]", self.resolved(value["items"])))
        self.lines.append(".El")
        prefix = "" if title == "Main file" else title + (": " if " of type " in title else ".")
        for key, form in below:
            self.object(prefix + key, form)

    def object(self, title: str, node: dict[str, Any]) -> None:
        if title.endswith("probes[]"):
            self.probes(title)
        elif title == "defaults":
            keys = ", ".join(node["properties"])
            self.lines += [f".Ss {text(title)}", *sentences(f"{node['description']} The keys are those of a probe: {keys}.")]
        elif title.endswith(": tls") and node in self.printed:
            return  # another type has the same
        elif title.startswith("services[].announce.attributes.") and not title.endswith("healthy"):
            return  # each grade has the same
        else:
            self.printed.append(node)
            self.section(title, node, node["properties"], "The keys of each grade." if title.endswith("attributes.healthy") else "")

    def probes(self, title: str) -> None:
        shared = {key: self.at(f"/definitions/probe_{key}") for key in ("name", "type")} | self.at(SHARED)
        self.section(title, {"required": ["type"]}, shared, self.at("/definitions/probe")["description"])
        for kind in self.at("/definitions/probe_type")["enum"]:
            node = self.at(f"/definitions/probe_{kind}")
            own = {key: value for key, value in node["properties"].items() if key not in self.shared}
            self.section(f"{title} of type {kind}", node, own)

    def kind(self, node: dict[str, Any]) -> str:
        return " or ".join(dict.fromkeys(self.kind_of(form) for form in self.forms(node)))

    def kind_of(self, form: dict[str, Any]) -> str:
        if "enum" in form:
            return ", ".join(f'"{word}"' for word in form["enum"])
        if "x-minimum" in form:
            return f"duration from {form['x-minimum']} to {form['x-maximum']}"
        if "minimum" in form:
            number = "whole number" if form["type"] == "integer" else "number"
            return f"{number} from {form['minimum']} to {form['maximum']}"
        if form["type"] == "array":
            return self.counted("array", form.get("minItems"), form.get("maxItems"))
        if form["type"] == "object":
            return self.counted("object", None, form.get("maxProperties"))
        if form["type"] == "boolean":
            return "true or false"
        return f"string of at most {form['maxLength']} characters" if "maxLength" in form else "string"

    @staticmethod
    def counted(what: str, least: int | None, most: int | None) -> str:
        if most is None:
            return what
        return f"{what} of {least} to {most}" if least else f"{what} of at most {most}"

    @staticmethod
    def standing(node: dict[str, Any], required: bool) -> str:
        if required:
            return "; required"
        if "default" in node:
            return f"; default {json.dumps(node['default'])}"
        return f"; default: {node['x-default']}" if "x-default" in node else ""


def text(words: str) -> str:
    """Nothing in it is an instruction to roff."""
    guard = "\\&" if words.startswith(".") or words.endswith("]") else ""
    safe = words.replace("\\", "\\e").replace('"', "\\(dq").replace("'", "\\(aq").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    return safe + guard if words.endswith("]") else guard + safe


def sentences(words: str) -> list[str]:
    """Each begins a line, as mdoc wants it."""
    lines = [line for sentence in words.replace(". ", ".\n").split("\n") for line in textwrap.wrap(sentence, 60, break_on_hyphens=False)]
    return [text(line) for line in lines]


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        page = Page(json.load(file))
    top = page.at("/definitions/main")
    page.section("Main file", top, top["properties"], page.schema["description"].split(":")[0] + ".")
    print(HEAD + "\n".join(page.lines) + "\n" + TAIL, end="")


if __name__ == "__main__":
    main()

"""What is shipped beside the programs says what they do: man pages, schema, examples."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from herald import REPO, _program

OWN_PAGES = ("heraldctl 1", "heraldd 8", "herald.json 5")  # not installed where the tests run
EXAMPLES = REPO / "packaging" / "examples"
SCHEMA_TEXT = subprocess.run([sys.executable, REPO / "packaging/schema/join.py"], capture_output=True, text=True, check=True).stdout
SCHEMA = json.loads(SCHEMA_TEXT)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("man")
    schema, made = folder / "herald.schema.json", folder / "herald.json.5"
    schema.write_text(SCHEMA_TEXT)
    made.write_text(run(sys.executable, str(REPO / "packaging/man/herald_json.py"), str(schema)))
    return {"herald.json": made, "heraldctl": REPO / "packaging/man/heraldctl.1", "heraldd": REPO / "packaging/man/heraldd.8"}


def run(*argv: str, **environment: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, env={**os.environ, "LC_ALL": "C.UTF-8", **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rendered(page: Path) -> str:
    """One line of words, as a reader sees them."""
    text = re.sub(r".\x08", "", run("mandoc", "-T", "utf8", "-O", "width=200", str(page)))
    return " ".join(text.replace("\N{MINUS SIGN}", "-").split())


def without_comments(text: str) -> Any:
    """The examples have // only at the beginning of a line, or after two blanks."""
    return json.loads(re.sub(r"(^|\s)\s*//.*$", "", text, flags=re.M))


def test_man_pages_have_no_warnings(pages):
    for page in pages.values():
        lint = subprocess.run(["mandoc", "-T", "lint", str(page)], capture_output=True, text=True, timeout=30).stdout
        found = [line for line in lint.splitlines() if not any("referenced manual not found: Xr " + own in line for own in OWN_PAGES)]
        assert found == []
        said = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)], capture_output=True, text=True, timeout=30,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"})
        assert (said.returncode, said.stderr) == (0, "")


def commands_of_help() -> list[str]:
    text = run(_program("heraldctl"), "--help")
    table = text[text.index("Subcommands:"):text.index("Examples:")]
    return re.findall(r"^  ([a-z-]+)  ", table, flags=re.M)


def test_heraldctl_page_has_every_command_and_option(pages):
    source, words = pages["heraldctl"].read_text(), rendered(pages["heraldctl"])
    commands = commands_of_help()
    assert len(commands) > 8
    assert sorted(commands) == sorted(re.findall(r"^\.It Ic ([a-z-]+)", source, flags=re.M))
    for text in (run(_program("heraldctl"), "--help"), *(run(_program("heraldctl"), command, "--help") for command in commands)):
        for option in re.findall(r"--[a-z][a-z-]*", text):
            assert option in words, f"{option} is not in heraldctl(1)"
        for variable in re.findall(r"Env:([A-Z_]+)", text):
            assert variable in words
    codes = re.search(r"Exit codes: (.*)\.$", run(_program("heraldctl"), "--help"), flags=re.M)
    assert codes and len(codes[1].split(";")) == len(re.findall(r"^\.It \d$", source, flags=re.M)) == 6


def test_heraldd_page_has_every_option(pages):
    words = rendered(pages["heraldd"])
    options = re.findall(r"--[a-z][a-z-]*", run(_program("heraldd"), "--help"))
    assert len(options) > 5
    for option in options:
        assert option in words, f"{option} is not in heraldd(8)"


def keys_of(node: Any) -> set[str]:
    """Every key that the schema has anywhere."""
    if isinstance(node, list):
        return set().union(*map(keys_of, node))
    if not isinstance(node, dict):
        return set()
    own = set(node["properties"]) if "properties" in node else set()
    return own.union(*map(keys_of, node.values()))


def test_herald_json_page_has_every_key_with_its_description(pages):
    words = rendered(pages["herald.json"])
    keys = keys_of(SCHEMA["definitions"])
    assert len(keys) > 90
    for key in keys:
        assert f" {key}: " in words, f"{key} is not in herald.json(5)"

    def check(node: Any) -> None:
        for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
            check(value)
        if isinstance(node, dict) and isinstance(node.get("description"), str) and "definitions" not in node and node is not SCHEMA["definitions"]["attributes"]:
            assert " ".join(node["description"].split()) in words

    check(SCHEMA["definitions"])


def test_schema_accepts_what_the_parser_accepts():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft7Validator(SCHEMA)
    texts = [*EXAMPLES.rglob("*.json"), *REPO.glob("packaging/herald.json")]
    assert len(texts) >= 8
    for text in texts:
        errors = [f"{text}: {'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(without_comments(text.read_text()))]
        assert errors == []
    for wrong in ({"router": {"stack": "fr"}}, {"router": {"stack": "frr"}, "servces": []}, {"name": "a", "vips": [], "probes": []},
                  {"services": [{"name": "a", "vips": ["10.0.0.1/32"], "probes": [{"type": "http", "url": "http://a/", "server": "a"}]}]},
                  {"defaults": {"interval": "1"}}):
        assert not validator.is_valid(wrong), wrong


TEXTS = sorted(path for path in REPO.rglob("*.md") if not {"build", ".git"} & set(path.relative_to(REPO).parts))
PAGES_OF_OPERATORS = [path for path in TEXTS if path == REPO / "README.md" or REPO / "packaging" in path.parents]


def code_of(text: str) -> list[str]:
    """Lines of fenced blocks, and code spans."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```$", text, flags=re.M | re.S)
    rest = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`]+)`", rest)


def links_of(page: Path) -> list[str]:
    """Relative ones. What is code has brackets of its own."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose) if "://" not in link]


def anchors_of(page: Path) -> set[str]:
    return {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M)}


def test_readme_is_one_page_and_links_lead_somewhere():
    assert len((REPO / "README.md").read_text().splitlines()) <= 200
    links = [(page, link) for page in TEXTS for link in links_of(page)]
    assert len(links) > 30
    for page, link in links:
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors_of(target), f"{page}: {link}"


def test_installed_pages_link_only_to_what_is_installed():
    pages = [path for path in TEXTS if path.parent == REPO / "packaging" / "doc"]
    assert len(pages) > 5
    for page in pages:
        for link in links_of(page):
            assert (page.parent / link).resolve().parent == page.parent, f"{page}: {link}"


def test_documents_name_only_commands_and_options_that_exist():
    helps = {command: run(_program("heraldctl"), command, "--help") for command in commands_of_help()}
    daemon, seen = run(_program("heraldd"), "--help"), 0
    for page in TEXTS:
        for code in code_of(page.read_text()):
            code = code.partition("  #")[0]
            for command, rest in re.findall(r"(?<![\w/-])heraldctl ([a-z][a-z-]*)([^|&;>]*)", code):
                assert command in helps, f"{page}: heraldctl {command}"
                seen += 1
                for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", re.sub(r'"[^"]*"', "", rest)):
                    assert option in helps[command], f"{page}: heraldctl {command} {option}"
            for rest in re.findall(r"(?<![\w/-])heraldd( --[^|&;>]*)", code):
                for option in re.findall(r"(?<!\S)--[a-z][a-z-]*", rest):
                    assert option in daemon, f"{page}: heraldd {option}"
    assert seen > 20


def test_documents_name_only_keys_that_exist():
    keys = keys_of(SCHEMA)
    assert "fallback_after" in keys
    validator, whole = jsonschema.Draft7Validator(SCHEMA), 0
    for page in PAGES_OF_OPERATORS:
        text = page.read_text()
        for code in code_of(text):
            for key in re.findall(r'"([a-z_]+)":', code):
                assert key in keys, f"{page}: {key}"
            dotted = re.fullmatch(r"([a-z_]+)\.([a-z_]+)", code)
            if dotted and dotted[1] in keys and dotted[2] not in {"conf", "ctl", "json", "md", "jsonl"}:
                assert dotted[2] in keys, f"{page}: {code}"
        for block in re.findall(r"^```jsonc?\n(\{.*?)^```$", text, flags=re.M | re.S):
            whole += 1
            assert [error.message for error in validator.iter_errors(without_comments(block))] == [], page
    assert whole >= 4


AZURE = REPO / "packaging" / "azure"
AZURE_VALUES = {"ASN": "65001", "RS_ASN": "65515", "RS1": "10.1.1.4", "RS2": "10.1.1.5", "VIP": "10.99.0.1", "ADDRESS": "10.1.0.4",
                "PACKAGE_URL": "https://example.net/herald.deb", "PACKAGE_SHA256": "0" * 64}


def test_azure_cloud_init(tmp_path):
    """What an appliance gets: good configuration, and FRR takes what is rendered from it. Nothing of Azure's is asked."""
    text = (AZURE / "cloud-init.yaml").read_text()
    words = set(re.findall(r"__([A-Z0-9_]+?)__", text))
    assert words == set(AZURE_VALUES) == set(re.findall(r"'__([A-Z0-9_]+?)__'", (AZURE / "main.bicep").read_text()))
    for word, value in AZURE_VALUES.items():
        text = text.replace(f"__{word}__", value)
    files = {file["path"]: file for file in yaml.safe_load(text)["write_files"]}
    # Before the packages are there, the files would be in dpkg's way.
    assert all(file["defer"] for file in files.values())
    config = tmp_path / "herald.json"
    config.write_text(files["/etc/herald/herald.json"]["content"])
    config_dir = tmp_path / "services.d"
    config_dir.mkdir()
    options = ("-c", str(config), "--services-dir", str(config_dir))
    run(_program("heraldd"), *options, "--check")
    frr = tmp_path / "frr.conf"
    frr.write_text(run(_program("heraldctl"), "render", "frr", *options, "--templates", str(REPO / "frr-templates")))
    assert "neighbor 10.1.1.5 peer-group RS" in frr.read_text()
    run("vtysh", "-C", "-f", str(frr))
    script = tmp_path / "setup"
    script.write_text(files["/root/setup-herald"]["content"])
    run("sh", "-n", str(script))


@pytest.mark.parametrize("file", sorted(AZURE.glob("*.bicep")), ids=lambda file: file.name)
def test_bicep_refers_only_to_what_is_declared(file):
    """No compiler of Bicep is at hand: brackets, and names that are used as NAME.id, NAME.outputs, or as a value."""
    source = re.sub(r"^\s*//.*$", "", file.read_text(), flags=re.M)
    assert balanced(re.sub(r"'[^'\n]*'", "''", source))
    declared = set(re.findall(r"^(?:param|var|resource|module|output) (\w+)", source, flags=re.M))
    local = set(re.findall(r"for \(?(\w+)", source)) | set(re.findall(r"for \(\w+, (\w+)", source)) | {"text", "each"}
    expressions = re.findall(r"\$\{([^}]*)\}", source) + re.findall(r"^ *\w+: ([a-z]\w*(?:\.\w+)*)$", source, flags=re.M)
    expressions += re.findall(r": ([a-z]\w*(?:\.\w+|\[\w+\])*) \}", source)
    names = {re.match(r"\w+", expression)[0] for expression in expressions}
    assert len(names) > 3 and names - declared - local - {"true", "false", "string", "base64"} == set()
    unused = {name for name in declared if len(re.findall(rf"\b{name}\b", source)) < 2}
    assert unused - set(re.findall(r"^(?:output|resource) (\w+)", source, flags=re.M)) == set()


def balanced(text: str) -> bool:
    open_ones: list[str] = []
    for character in text:
        if character in "([{":
            open_ones.append(character)
        elif character in ")]}" and (not open_ones or "([{".index(open_ones.pop()) != ")]}".index(character)):
            return False
    return not open_ones

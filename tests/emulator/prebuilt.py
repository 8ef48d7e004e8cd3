"""Deploying binaries that cargo has built, without `sam build`: for tests, where time counts."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

Document = dict[str, Any]


class BinaryMissing(Exception):
    """The template names a binary that was not built."""


def template_with_binaries(template: Path, binaries: Path, into: Path) -> Path:
    """Writes the template anew under `into`, each function's code being its built binary.

    `binaries` holds `NAME/bootstrap`, as `cargo lambda build` leaves it in `target/lambda`, or plain
    executables called NAME, as `cargo build` leaves them in `target/debug`.
    """
    document = yaml_parse(template.read_text())
    for resource in document["Resources"].values():
        if name := binary_of(resource):
            code = stage(binary_file(binaries, name), into / "functions" / name)
            resource["Properties"]["CodeUri"] = str(code)
        elif "DefinitionUri" in resource.get("Properties", {}):
            make_absolute(resource["Properties"], template.parent)
    written = into / "template.json"
    written.write_text(json.dumps(document, indent=1))
    return written


def binary_of(resource: Document) -> str | None:
    """The binary that a function's metadata names for `sam build`."""
    return resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary")


def binary_file(binaries: Path, name: str) -> Path:
    """The built executable of this name."""
    for candidate in (binaries / name / "bootstrap", binaries / name):
        if candidate.is_file():
            return candidate.resolve()
    raise BinaryMissing(f"{binaries} holds no binary called {name}")


def stage(binary: Path, folder: Path) -> Path:
    """Puts the executable alone into `folder`, as `bootstrap`, without copying it if possible."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        os.link(binary, folder / "bootstrap")
    except OSError:
        shutil.copy2(binary, folder / "bootstrap")
    return folder


def make_absolute(properties: Document, base: Path) -> None:
    """A state machine's definition file is found from wherever the template lies."""
    uri = properties["DefinitionUri"]
    if isinstance(uri, str) and not uri.startswith("s3://"):
        properties["DefinitionUri"] = str((base / uri).resolve())

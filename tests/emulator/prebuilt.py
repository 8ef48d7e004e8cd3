"""Deploys binaries that cargo has built, without `sam build`: for tests, which must be quick."""

import json
import shutil
import subprocess
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

Document = dict[str, Any]


class BinaryMissing(Exception):
    """The template names a binary that was not built."""


def template_with_binaries(template: Path, binaries: Path, into: Path) -> Path:
    """Writes a copy of the template under `into`, with each function's zipped binary as its code.

    `binaries` has `NAME/bootstrap`, as `cargo lambda build` writes into `target/lambda`, or plain
    executables called NAME, as `cargo build` writes into `target/debug`.
    """
    document = yaml_parse(template.read_text())
    packages: dict[str, Path] = {}
    for resource in document["Resources"].values():
        if name := binary_of(resource):
            packages[name] = into / f"{name}.zip"
            resource["Properties"]["CodeUri"] = str(packages[name].resolve())
        for name in ("DefinitionUri", "TemplateURL"):
            make_absolute(resource.get("Properties", {}), name, template.parent)
    into.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        found = [binary_file(binaries, name) for name in packages]
        list(pool.map(package, found, packages.values()))
    written = into / "template.json"
    written.write_text(json.dumps(document, indent=1))
    return written


def binary_of(resource: Document) -> str | None:
    """The binary that a function's metadata names for `sam build`, in any stage but prod."""
    binary = resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary")
    match binary:
        case {"Fn::If": ["IsProd", _, other]}:
            return other
        case _:
            return binary


def function_of(resource: Document) -> str | None:
    """The name of a function with a binary of ours, without the stack's name."""
    if binary_of(resource) is None:
        return None
    return resource["Properties"]["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")


def binary_file(binaries: Path, name: str) -> Path:
    """The built executable of this name."""
    for candidate in (binaries / name / "bootstrap", binaries / name):
        if candidate.is_file():
            return candidate.resolve()
    raise BinaryMissing(f"{binaries} holds no binary called {name}")


def package(binary: Path, archive: Path) -> None:
    """Zips the executable alone, as `bootstrap`, unless the archive contains this very build.

    Debug information is left out, and compression is quick rather than good: it takes most of the
    time of a test's deployment. The archive's comment names the build.
    """
    build = f"{binary} {binary.stat().st_mtime_ns}".encode()
    if archive.exists() and zipfile.ZipFile(archive).comment == build:
        return
    entry = zipfile.ZipInfo("bootstrap")
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr(entry, stripped(binary), compresslevel=1)
        target.comment = build


def stripped(binary: Path) -> bytes:
    """The executable without debug information; unchanged if there is no `strip`."""
    if not shutil.which("strip"):
        return binary.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        smaller = Path(folder) / binary.name
        command = ["strip", "--strip-debug", "-o", str(smaller), str(binary)]
        done = subprocess.run(command, capture_output=True, check=False)
        return (binary if done.returncode else smaller).read_bytes()


def make_absolute(properties: Document, name: str, base: Path) -> None:
    """Makes the path in this property absolute, so that the template can be anywhere."""
    place = properties.get(name)
    if isinstance(place, str) and "://" not in place:
        properties[name] = str((base / place).resolve())

#!/usr/bin/env python3
"""Tests the API against its OpenAPI document. Run it with `scripts/openapi.sh`."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from console import CHORUS, ROOT, ok, running, serving

HERE = ROOT / "tests/openapi"
TOOLS = HERE / "node_modules/.bin"
SCHEMATHESIS = ROOT / ".venv/bin/schemathesis"
# The default number of generated requests for each route.
CASES = 20


def run(*command: object) -> None:
    """Runs a command, and shows its output only if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def test() -> None:
    with running() as shop, tempfile.TemporaryDirectory(dir=HERE) as folder:
        work = pathlib.Path(folder)
        document = work / "openapi.json"
        with urllib.request.urlopen(f"{shop.url}/openapi.json", timeout=30) as answer:
            document.write_bytes(answer.read())
        run(TOOLS / "redocly", "lint", "--config", HERE / "redocly.yaml", document)
        ok("Redocly's recommended rules find nothing")
        run(TOOLS / "spectral", "lint", "--ruleset", HERE / "spectral.yaml",
            "--fail-severity", "hint", document)
        ok("Spectral's recommended rules find nothing")
        run(TOOLS / "openapi-typescript", document, "--output", work / "api.ts")
        for file in ("client.ts", "tsconfig.json"):
            shutil.copy(HERE / file, work)
        run(TOOLS / "tsc", "--project", work)
        ok("a generated client compiles")
        run("node", work / "client.js", shop.url)
        ok("it places an order, and sees it delivered")


def token(folder: str, *who: str) -> str:
    """A token for the shop in this folder."""
    mint = [CHORUS.absolute(), "token", *who, "--data", "shop"]
    return subprocess.run(mint, capture_output=True, text=True, check=True, cwd=folder).stdout.strip()


def fuzz(cases: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with serving(folder) as shop:
            for sku, price in (("chai", 18), ("desk", 1800)):
                item = {"name": sku, "price": price, "stock": 5000}
                shop.ask("PUT", f"/items/{sku}", item)
            shop.order("ana", "chai")
            shop.idle()
        tokens = {
            "STAFF": token(folder, "--staff"),
            "REVIEWER": token(folder, "--reviewer", "rita"),
            "OPERATOR": token(folder, "--operator", "otto"),
        }
        with serving(folder, "--require-tokens") as shop:
            command = [
                SCHEMATHESIS, "--config-file", HERE / "schemathesis.toml", "run",
                f"{shop.url}/openapi.json", "--max-examples", cases, "--no-color",
            ]
            asked = subprocess.run([str(part) for part in command], env={**os.environ, **tokens})
    sys.exit(asked.returncode)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["test"]:
            test()
        case ["fuzz"]:
            fuzz(CASES)
        case ["fuzz", cases]:
            fuzz(int(cases))
        case _:
            sys.exit(__doc__)

"""Northwind's 830 orders through the deployed stack: the same stock and money as in the embedded shop.

Run with `make northwind-emulator`, or `NORTHWIND=folder scripts/emulator.sh northwind`, which stops
the emulator in any case. It takes a while, because each order ends before the next is placed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import emulator
from shop_stack import BINARIES, ROLES, STACK, ShopStack

Books = dict[str, Any]


def main(folder: str) -> int:
    """Imports into both shops and compares the results; returns 1 if they differ."""
    with tempfile.TemporaryDirectory() as data:
        embedded = imported(folder, "--data", data)
    shop = ShopStack(int(os.environ.get("EMULATOR_PORT", emulator.DEFAULT_PORT)))
    shop.up()
    began = time.monotonic()
    os.environ["CHORUS_TOKEN"] = shop.token("maria", *ROLES)
    os.environ["CHORUS_REVIEWER_TOKEN"] = shop.token("rita", "reviewer")
    deployed = imported(folder, "--url", shop.outputs["ApiUrl"])
    minutes = (time.monotonic() - began) / 60
    print(f"{deployed['orders']} orders went through the deployed stack in {minutes:.0f} minutes:")
    for name in ("delivered", "canceled", "reasons", "stock", "money"):
        print(f"  {name}: {json.dumps(deployed[name])}")
    findings = [*differences(embedded, deployed), *deployed["problems"], *charged_twice(shop)]
    for finding in findings:
        print(f"NOT THE SAME: {finding}", file=sys.stderr)
    if not findings:
        items = len(deployed["items"])
        print(f"Stock of {items} items, money and endings are those of the embedded shop.")
    return 1 if findings else 0


def imported(folder: str, *where: str) -> Books:
    """The output of `chorus import`."""
    command = [BINARIES / "chorus", "import", folder, *where, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise SystemExit(f"`chorus import` failed with status {done.returncode}") from error


def differences(embedded: Books, deployed: Books) -> list[str]:
    """Every figure in which the two shops differ."""
    found = [
        f"{name}: {embedded[name]} embedded, {deployed[name]} deployed"
        for name in embedded
        if name != "items" and embedded[name] != deployed[name]
    ]
    return found + [
        f"item: {ours} embedded, {theirs} deployed"
        for ours, theirs in zip(embedded["items"], deployed["items"], strict=True)
        if ours != theirs
    ]


def charged_twice(shop: ShopStack) -> list[str]:
    """Orders with more than one charge in the payment provider's own books."""
    functions = shop.client("lambda")
    found = functions.get_function_configuration(FunctionName=f"{STACK}-payment")
    table = found["Environment"]["Variables"]["TABLE_PAYMENT_PROVIDER"]
    pages = shop.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    charges = Counter(
        item["order-id"]["S"]
        for page in pages
        for item in page["Items"]
        if item.get("outcome", {}).get("S") == "charged"
    )
    if not charges:
        return ["the provider's books have no charge at all"]
    return [f"{order} was charged {count} times" for order, count in charges.items() if count > 1]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))

#!/usr/bin/env python3
"""Makes a data directory as a release leaves it when it is killed, with orders at every step.

    scripts/freeze.py target/debug/chorus tests/fixtures/NAME.tar.gz

Later releases have to open the directory, and finish every order: tests/flow/earlier_releases.rs.
"""

import json
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

CUSTOMERS = (
    "ana",
    "declined-dora",
    "rosa",
    "carrier-silent-sid",
    "carrier-down-dan",
    "carrier-refuses-recall-rita",
    "carrier-cancels-carl",
)
# Sku, price, stock. An order of gold needs a reviewer; a unicorn is out of stock.
ITEMS = (("chai", 18.0, 1_000), ("gold", 1_500.0, 50), ("unicorn", 10.0, 0))
AT_ONCE = 60
# Seconds from placing the last orders to killing the process, so that many are in progress.
KILLED_AFTER_SECONDS = 2


class Shop:
    """A shop run by the given binary, on a free port."""

    def __init__(self, chorus: str, data: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        command = [chorus, "up", "--data", data, "--port", str(self._port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._wait_until(lambda: self.ask("GET", "/orders?customer-id=nobody") is not None)

    def ask(self, method: str, path: str, body: object = None, key: str = "") -> dict | None:
        """Sends a request. Returns the response's body, or None if the shop does not listen yet."""
        headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self._port}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except (ConnectionError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            return None

    def order(self, customer: str, sku: str, number: int) -> str:
        """Places an order, and returns its id."""
        address = {"name": customer, "street": "Obere Str. 57", "city": "Berlin"}
        address["country"] = "Germany"
        lines = [{"sku": sku, "quantity": 1}]
        body = {"customer-id": customer, "lines": lines, "shipping-address": address}
        answer = self.ask("POST", "/orders", body, f"{customer}-{sku}-{number}")
        return answer["order-id"] if answer else ""

    def wait_for(self, order: str, *words: str) -> None:
        """Waits until the order, as JSON, contains each of these words."""
        def reached() -> bool:
            answer = json.dumps(self.ask("GET", f"/orders/{order}"))
            return all(word in answer for word in words)
        self._wait_until(reached)

    def kill(self) -> None:
        """Kills the process without warning, like a power failure."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _wait_until(self, holds) -> None:
        until = time.monotonic() + 60
        while not holds():
            if time.monotonic() > until:
                raise TimeoutError("the shop does not reach the expected state")
            time.sleep(0.05)


def main(chorus: str, fixture: str) -> None:
    """Kills a shop while it works, and packs its data directory."""
    with tempfile.TemporaryDirectory() as data:
        shop = Shop(chorus, data)
        try:
            place_orders(shop)
        finally:
            shop.kill()
        with tarfile.open(fixture, "w:gz") as archive:
            for path in sorted(Path(data).iterdir()):
                if path.suffix in (".db", ".db-wal") or path.name == "order-id-secret":
                    archive.add(path, path.name)


def place_orders(shop: Shop) -> None:
    """Places orders that end, then orders that wait for a person or a partner, then many at once."""
    for sku, price, stock in ITEMS:
        shop.ask("PUT", f"/items/{sku}", {"name": sku, "price": price, "stock": stock})
    for customer in CUSTOMERS:
        contact = {"name": customer, "email": f"{customer}@example.com"}
        shop.ask("PUT", f"/customers/{customer}", contact)
    for number in range(3):
        shop.wait_for(shop.order("ana", "chai", number), "Delivered")
    shop.wait_for(shop.order("ana", "unicorn", 0), "Canceled")
    shop.wait_for(shop.order("declined-dora", "chai", 0), "Canceled")
    shop.wait_for(shop.order("carrier-cancels-carl", "chai", 0), "Canceled")
    recalled = shop.order("carrier-refuses-recall-rita", "chai", 0)
    shop.order("rosa", "gold", 0)
    shop.order("carrier-silent-sid", "chai", 0)
    shop.order("carrier-down-dan", "chai", 0)
    time.sleep(1)
    shop.ask("POST", f"/orders/{recalled}/cancel", {"reason": "changed their mind"})
    time.sleep(1)
    for number in range(AT_ONCE):
        order = ("ana", "chai", 100 + number)
        threading.Thread(target=shop.order, args=order, daemon=True).start()
    time.sleep(KILLED_AFTER_SECONDS)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

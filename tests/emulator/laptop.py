"""A shop on this machine, run by `chorus up`, for tests with other servers on this machine."""

import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from shop_stack import free_port

ROOT = Path(__file__).resolve().parents[2]
CHORUS = ROOT / "target" / "debug" / "chorus"
PATIENCE = 60.0


class Shop:
    """A shop that sells chai at 18, with these arguments of `chorus up`."""

    def __init__(self, *arguments: str) -> None:
        self._data = tempfile.TemporaryDirectory()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [CHORUS, "up", "--data", self._data.name, "--port", str(port), *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def open(self) -> None:
        wait_for(lambda: self.ask("PUT", "/items/chai", name="Chai", price=18, stock=39))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._data.cleanup()

    def order(self, customer: str, name: str, address: str, **more: Any) -> str:
        """Stores a customer, orders one piece of chai for them, and returns the order's id."""
        self.ask("PUT", f"/customers/{customer}", name=name, email=address)
        order = {
            "customer-id": customer,
            "lines": [{"sku": "chai", "quantity": 1}],
            "shipping-address": {
                "name": name, "street": "Obere Str. 57", "city": "Berlin", "country": "DE",
            },
            **more,
        }
        return wait_for(lambda: self.ask("POST", "/orders", customer, **order))["order-id"]

    def events(self, order: str) -> str:
        command = [CHORUS, "events", "--url", self.url, "--order", order, "--json"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def ask(self, method: str, path: str, key: str | None = None, **body: Any) -> Any:
        """Sends a request; returns the answer, or None if the shop does not listen or accept it
        yet."""
        data = json.dumps(body).encode() if method != "GET" else None
        headers = {"Idempotency-Key": key} if key else {}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            # The services learn an item's price and a customer's address from events, a moment
            # later.
            if refusal.code not in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                raise AssertionError(refusal.read().decode()) from refusal
        except urllib.error.URLError:
            pass
        return None


def wait_for(answer: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := answer()):
        if time.monotonic() > deadline:
            raise AssertionError("the awaited result did not come within a minute")
        time.sleep(0.05)
    return found

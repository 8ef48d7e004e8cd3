"""The emails of a shop on this machine, as a real SMTP server takes them."""

import email
import email.message
import email.policy
import json
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import sentence_tests
from aiosmtpd.controller import Controller
from shop_stack import free_port

ROOT = Path(__file__).resolve().parents[2]
CHORUS = ROOT / "target" / "debug" / "chorus"
SENDER = "orders@shop.example"
PATIENCE = 60.0


class Mailboxes:
    """Takes every email, but for mailboxes that do not exist."""

    def __init__(self) -> None:
        self.taken: list[email.message.EmailMessage] = []

    async def handle_RCPT(  # noqa: N802 (the name is aiosmtpd's)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return f"550 5.1.1 <{address}>: no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def of(self, address: str) -> list[email.message.EmailMessage]:
        return [message for message in self.taken if message["to"] == address]


class Emails(unittest.TestCase):
    """One shop and one SMTP server for all tests."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.mailboxes = Mailboxes()
        server = Controller(cls.mailboxes, hostname="127.0.0.1", port=free_port())
        server.start()
        cls.addClassCleanup(server.stop)
        data = tempfile.TemporaryDirectory()
        cls.addClassCleanup(data.cleanup)
        cls.url = f"http://127.0.0.1:{free_port()}"
        mail = f"smtp://127.0.0.1:{server.port}"
        arguments = ["--data", data.name, "--port", cls.url.rsplit(":", 1)[1]]
        arguments += ["--mail", mail, "--mail-from", SENDER]
        shop = subprocess.Popen([CHORUS, "up", *arguments], stdout=subprocess.DEVNULL)
        cls.addClassCleanup(shop.wait)
        cls.addClassCleanup(shop.kill)
        cls._wait_for(lambda: cls._ask("PUT", "/items/chai", name="Chai", price=18, stock=39))

    def an_order_that_arrives_is_told_in_three_emails_of_text_and_html(self) -> None:
        self._order("ana", "Ana <b>Trujillo</b>", "ana@example.com")
        self._wait_for(lambda: len(self.mailboxes.of("ana@example.com")) == 3)
        messages = self.mailboxes.of("ana@example.com")
        for message in messages:
            self.assertEqual(message["from"], SENDER)
            self.assertTrue(message["message-id"].endswith("@shop.example>"))
            text, html = message.iter_parts()
            self.assertIn("Dear Ana <b>Trujillo</b>,", text.get_content())
            self.assertIn("&#60;b&#62;Trujillo", html.get_content())
        self.assertEqual(len({message["message-id"] for message in messages}), 3)

    def an_order_that_is_declined_is_told_in_one_email_with_the_reason(self) -> None:
        self._order("bob-declined", "Bob", "bob@example.com")
        self._wait_for(lambda: self.mailboxes.of("bob@example.com"))
        # A second email would come before the last one of an order that begins now.
        self._order("eva", "Eva", "eva@example.com")
        self._wait_for(lambda: len(self.mailboxes.of("eva@example.com")) == 3)
        (message,) = self.mailboxes.of("bob@example.com")
        self.assertIn("was canceled", message["subject"])
        self.assertIn("the payment failed", message.get_body(("plain",)).get_content())

    def a_mailbox_that_does_not_exist_is_an_event_without_the_address(self) -> None:
        order = self._order("nobody", "Nobody", "nobody@example.com")
        self._wait_for(lambda: "EmailFailed" in self._events(order))
        self.assertIn("no such mailbox", self._events(order))
        self.assertNotIn("nobody@example.com", self._events(order))

    def _order(self, customer: str, name: str, address: str) -> str:
        self._ask("PUT", f"/customers/{customer}", name=name, email=address)
        order = {
            "customer-id": customer,
            "lines": [{"sku": "chai", "quantity": 1}],
            "shipping-address": {
                "name": name, "street": "Obere Str. 57", "city": "Berlin", "country": "Germany",
            },
        }
        return self._wait_for(lambda: self._ask("POST", "/orders", customer, **order))["order-id"]

    def _events(self, order: str) -> str:
        command = [CHORUS, "events", "--url", self.url, "--order", order, "--json"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    @classmethod
    def _ask(cls, method: str, path: str, key: str | None = None, **body: Any) -> Any:
        """The answer; nothing where the shop is not open yet, or does not take it."""
        data = json.dumps(body).encode()
        headers = {"Idempotency-Key": key} if key else {}
        request = urllib.request.Request(cls.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            # An item's price and a customer's address are learned from events, a moment later.
            if refusal.code != HTTPStatus.CONFLICT:
                raise AssertionError(refusal.read().decode()) from refusal
        except urllib.error.URLError:
            pass
        return None

    @staticmethod
    def _wait_for(answer: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (found := answer()):
            if time.monotonic() > deadline:
                raise AssertionError("it did not come within a minute")
            time.sleep(0.05)
        return found


if __name__ == "__main__":
    sentence_tests.main()

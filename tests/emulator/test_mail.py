"""The emails of a shop on this machine, as a real SMTP server receives them."""

import email
import email.message
import email.policy
import unittest
from typing import Any

import sentence_tests
from aiosmtpd.controller import Controller
from laptop import Shop, wait_for
from shop_stack import free_port

SENDER = "orders@shop.example"


class Mailboxes:
    """Accepts every email, except for mailboxes that do not exist."""

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
        mail = f"smtp://127.0.0.1:{server.port}"
        cls.shop = Shop("--mail", mail, "--mail-from", SENDER)
        cls.addClassCleanup(cls.shop.close)
        cls.shop.open()

    def an_order_that_arrives_is_told_in_three_emails_of_text_and_html(self) -> None:
        self.shop.order("ana", "Ana <b>Trujillo</b>", "ana@example.com")
        wait_for(lambda: len(self.mailboxes.of("ana@example.com")) == 3)
        messages = self.mailboxes.of("ana@example.com")
        for message in messages:
            self.assertEqual(message["from"], SENDER)
            self.assertTrue(message["message-id"].endswith("@shop.example>"))
            text, html = message.iter_parts()
            self.assertIn("Dear Ana <b>Trujillo</b>,", text.get_content())
            self.assertIn("&#60;b&#62;Trujillo", html.get_content())
        self.assertEqual(len({message["message-id"] for message in messages}), 3)

    def an_order_that_is_declined_is_told_in_one_email_with_the_reason(self) -> None:
        self.shop.order("bob-declined", "Bob", "bob@example.com")
        wait_for(lambda: self.mailboxes.of("bob@example.com"))
        # A second email to Bob would arrive before the last email about an order that is placed only
        # now.
        self.shop.order("eva", "Eva", "eva@example.com")
        wait_for(lambda: len(self.mailboxes.of("eva@example.com")) == 3)
        (message,) = self.mailboxes.of("bob@example.com")
        self.assertIn("was canceled", message["subject"])
        self.assertIn("the payment failed", message.get_body(("plain",)).get_content())

    def a_mailbox_that_does_not_exist_is_an_event_with_the_replys_codes_alone(self) -> None:
        order = self.shop.order("nobody", "Nobody", "nobody@example.com")
        wait_for(lambda: "EmailFailed" in self.shop.events(order))
        self.assertIn("550 5.1.1", self.shop.events(order))
        for personal in ("no such mailbox", "nobody@example.com"):
            self.assertNotIn(personal, self.shop.events(order))


if __name__ == "__main__":
    sentence_tests.main()

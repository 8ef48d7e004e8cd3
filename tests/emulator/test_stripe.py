"""The payments of a shop on this machine, with a server that has Stripe's API (localstripe)."""

import json
import os
import subprocess
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import sentence_tests
from laptop import CHORUS, Shop, wait_for
from shop_stack import free_port

KEY = "sk_test_for_this_laptop_only"
# The secret with which localstripe signs its webhooks.
WEBHOOK_SECRET = "whsec_for_this_laptop_only"
# How long a customer may take to confirm a payment, in seconds.
CONFIRMATION_TIMEOUT = "15"
# Stripe's test cards. localstripe declines the second card when it is charged.
GOOD, DECLINED, WANTS_CONFIRMATION = "4242424242424242", "4000000000000341", "4000002500003155"
# The price of one piece of chai, in cents.
PRICE = 1800


class StripeTests(unittest.TestCase):
    """One shop with these arguments and one localstripe for all tests of a class."""

    arguments: tuple[str, ...] = ()

    @classmethod
    def setUpClass(cls) -> None:
        port = free_port()
        cls.stripe = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.kill)
        wait_for(cls._is_up)
        os.environ["STRIPE_WEBHOOK_SECRET"] = WEBHOOK_SECRET
        cls.shop = Shop(
            "--payment", "stripe", "--payment-url", cls.stripe,
            "--confirmation-timeout", CONFIRMATION_TIMEOUT, *cls.arguments,
        )
        cls.addClassCleanup(cls.shop.close)
        cls.shop.open()
        webhook = {"url": f"{cls.shop.url}/webhooks/payments", "secret": WEBHOOK_SECRET}
        cls._send("/_config/webhooks/shop", webhook)

    def _order(self, customer: str, card: str) -> str:
        method = self._ask(
            "/v1/payment_methods", {
                "type": "card", "card[number]": card, "card[exp_month]": "12",
                "card[exp_year]": "2040", "card[cvc]": "123",
            },
        )
        address = f"{customer}@example.com"
        return self.shop.order(customer, customer, address, **{"payment-method": method["id"]})

    def _confirm(self, order: str, *, success: bool) -> None:
        """Answers the bank's question as the customer would on the bank's page."""
        intent = self._intent(order)
        answer = {"client_secret": intent["client_secret"], "success": str(success).lower()}
        self._ask(f"/v1/payment_intents/{intent['id']}/_authenticate", answer)

    def _intent(self, order: str) -> dict[str, Any]:
        """The only intent of an order, as the server has it."""
        listed = self._ask("/v1/payment_intents?limit=100")["data"]
        (intent,) = [one for one in listed if one["metadata"].get("order-id") == order]
        return intent

    @staticmethod
    def _refunded(intent: dict[str, Any]) -> int:
        return intent["latest_charge"]["amount_refunded"]

    def _books(self, order: str) -> tuple[str, int, str]:
        """The amount charged for an order, how often, and the amount refunded, from `chorus accounts`."""
        command = [CHORUS, "accounts", "--url", self.shop.url, "--json"]
        accounts = subprocess.run(command, check=False, capture_output=True, text=True).stdout
        (account,) = [one for one in json.loads(accounts)["orders"] if one["order-id"] == order]
        charged, refunded = (f"{float(account[name]):.2f}" for name in ("charged", "refunded"))
        return charged, account["charges"], refunded

    @classmethod
    def _ask(cls, path: str, form: dict[str, str] | None = None) -> Any:
        return json.loads(cls._send(path, form))

    @classmethod
    def _send(cls, path: str, form: dict[str, str] | None = None) -> bytes:
        data = urllib.parse.urlencode(form).encode() if form else None
        headers = {"Authorization": f"Bearer {KEY}"}
        request = urllib.request.Request(cls.stripe + path, data, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    @classmethod
    def _is_up(cls) -> bool:
        try:
            return bool(cls._ask("/v1/balance"))
        except urllib.error.URLError:
            return False


class Payments(StripeTests):
    """A shop that charges at once."""

    def an_order_is_charged_and_delivered(self) -> None:
        order = self._order("ana", GOOD)
        wait_for(lambda: "OrderDelivered" in self.shop.events(order))
        intent = self._intent(order)
        self.assertEqual((intent["status"], intent["amount"]), ("succeeded", PRICE))
        self.assertEqual((intent["currency"], self._refunded(intent)), ("eur", 0))
        self.assertEqual(self._books(order), ("18.00", 1, "0.00"))

    def a_declined_card_cancels_the_order_with_the_banks_reason(self) -> None:
        order = self._order("bob", DECLINED)
        wait_for(lambda: "OrderCanceled" in self.shop.events(order))
        self.assertIn("Your card was declined", self.shop.events(order))
        self.assertEqual(self._books(order), ("0.00", 0, "0.00"))

    def a_payment_that_the_customer_confirms_in_time_is_made_and_the_order_delivered(self) -> None:
        order = self._order("cid", WANTS_CONFIRMATION)
        wait_for(lambda: "ConfirmationRequired" in self.shop.events(order))
        waiting = self.shop.ask("GET", f"/orders/{order}")["payment"]
        self.assertEqual(waiting["status"], "awaiting-confirmation")
        self.assertIn("until", waiting["confirmation"])
        self._confirm(order, success=True)
        wait_for(lambda: "OrderDelivered" in self.shop.events(order))
        self.assertEqual(self._books(order), ("18.00", 1, "0.00"))

    def a_payment_whose_confirmation_fails_cancels_the_order(self) -> None:
        order = self._order("fay", WANTS_CONFIRMATION)
        wait_for(lambda: "ConfirmationRequired" in self.shop.events(order))
        self._confirm(order, success=False)
        wait_for(lambda: "OrderCanceled" in self.shop.events(order))
        self.assertEqual(self._books(order), ("0.00", 0, "0.00"))

    def a_payment_that_nobody_confirms_cancels_the_order_and_the_intent(self) -> None:
        order = self._order("gus", WANTS_CONFIRMATION)
        wait_for(lambda: "PaymentCanceled" in self.shop.events(order))
        self.assertIn("the customer did not confirm the payment in time", self.shop.events(order))
        self.assertEqual(self._intent(order)["status"], "canceled")
        self.assertEqual(self._books(order), ("0.00", 0, "0.00"))

    def an_order_that_is_canceled_after_its_charge_is_refunded(self) -> None:
        order = self._order("dan-carrier-cancels", GOOD)
        wait_for(lambda: "PaymentCanceled" in self.shop.events(order))
        self.assertIn("PaymentMade", self.shop.events(order))
        self.assertEqual(self._refunded(self._intent(order)), PRICE)
        self.assertEqual(self._books(order), ("18.00", 1, "18.00"))

    def stripes_adapter_holds_the_port_of_payment_providers(self) -> None:
        command = [
            "cargo", "test", "--quiet", "--workspace", "--exclude=chorus-simulation",
            "--exclude=chorus-shop-simulation", "--features=chorus-aws/global-endpoint",
            "--test=providers", "--", "--nocapture", "localstripe",
        ]
        named = {**os.environ, "LOCALSTRIPE_URL": self.stripe}
        done = subprocess.run(command, env=named, check=False, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 passed", done.stdout)
        self.assertNotIn("not tried", done.stdout + done.stderr)

    def a_cards_number_is_not_taken(self) -> None:
        with self.assertRaisesRegex(AssertionError, "never a card's number"):
            self.shop.order("eve", "Eve", "eve@example.com", **{"payment-method": GOOD})


class Captures(StripeTests):
    """A shop that charges when parcels leave."""

    arguments = ("--payment-capture", "when-shipped")

    def an_order_is_authorized_and_captured_when_its_parcel_leaves_and_delivered(self) -> None:
        order = self._order("ana", GOOD)
        wait_for(lambda: "PaymentMade" in self.shop.events(order))
        wait_for(lambda: "OrderDelivered" in self.shop.events(order))
        self._comes_before(order, "PaymentAuthorized", "DeliveryStarted")
        self._comes_before(order, "DeliveryStarted", "PaymentMade")
        intent = self._intent(order)
        self.assertEqual((intent["capture_method"], intent["status"]), ("manual", "succeeded"))
        self.assertEqual(self._books(order), ("18.00", 1, "0.00"))

    def an_order_that_is_canceled_before_its_parcel_leaves_is_never_charged(self) -> None:
        order = self._order("dan-carrier-silent", GOOD)
        wait_for(lambda: "DeliveryMarkedAsStarted" in self.shop.events(order))
        self.assertEqual(self._intent(order)["status"], "requires_capture")
        shown = self.shop.ask("GET", f"/orders/{order}")["payment"]
        self.assertEqual(shown["status"], "authorized")
        self.assertEqual(self._books(order), ("0.00", 0, "0.00"))
        self.shop.ask("POST", f"/orders/{order}/cancel", "cancel", reason="changed my mind")
        wait_for(lambda: "PaymentCanceled" in self.shop.events(order))
        self.assertNotIn("PaymentMade", self.shop.events(order))
        self.assertEqual(self._intent(order)["status"], "canceled")
        self.assertEqual(self._books(order), ("0.00", 0, "0.00"))

    def an_order_whose_carrier_gives_up_keeps_no_money(self) -> None:
        order = self._order("eve-carrier-cancels", GOOD)
        wait_for(lambda: "PaymentCanceled" in self.shop.events(order))
        charged, charges, refunded = self._books(order)
        self.assertEqual((charged, charges), (refunded, int(charged != "0.00")))

    def an_amount_that_the_customer_has_confirmed_is_held_and_taken(self) -> None:
        order = self._order("cid", WANTS_CONFIRMATION)
        wait_for(lambda: "ConfirmationRequired" in self.shop.events(order))
        self._confirm(order, success=True)
        wait_for(lambda: "PaymentMade" in self.shop.events(order))
        self._comes_before(order, "PaymentAuthorized", "PaymentMade")
        self.assertEqual(self._books(order), ("18.00", 1, "0.00"))

    def _comes_before(self, order: str, first: str, second: str) -> None:
        events = self.shop.events(order)
        self.assertLess(events.index(f'"{first}"'), events.index(f'"{second}"'))


if __name__ == "__main__":
    sentence_tests.main()

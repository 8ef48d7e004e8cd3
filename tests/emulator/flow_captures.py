"""A shop that charges when parcels leave (`PaymentCapture=when-shipped`): the deployed functions hold, capture
and release amounts."""

import unittest
from typing import Any

from deployed_shop import (
    PATIENCE,
    ended,
    event_names,
    nothing_is_given_up,
    parcel_of,
    place,
    shop,
    webhook,
)
from shop_stack import STACK, wait_for

# The price of one piece of pavlova.
PRICE = 17.45


class ChargedWhenShipped(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        """Sets the function's variable that a parameter of the template would set, so that no
        second stack is needed."""
        functions, function = shop.client("lambda"), f"{STACK}-payment"
        whole = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]

        def configure(variables: dict[str, str]) -> None:
            environment = {"Variables": variables}
            functions.update_function_configuration(FunctionName=function, Environment=environment)

        assert whole["PAYMENT_CAPTURE"] == "at-once", whole
        cls.addClassCleanup(configure, whole)
        configure({**whole, "PAYMENT_CAPTURE": "when-shipped"})
        for customer in ("ina-lapses-carrier-silent", "emil-carrier-silent"):
            name = customer.split("-")[0]
            shop.ok("PUT", f"/customers/{customer}", {"name": name, "email": f"{name}@example.com"})

    def an_amount_is_held_first_and_captured_once_the_carrier_has_the_parcel(self) -> None:
        order_id = place("ana", "pavlova", 1)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        wait_for(lambda: "PaymentMade" in event_names(order_id), PATIENCE, "the capture")
        told = event_names(order_id)
        self.assertEqual([told.count(event) for event in ("PaymentAuthorized", "PaymentMade")], [1, 1])
        self.assertLess(told.index("PaymentAuthorized"), told.index("DeliveryStarted"))
        self.assertLess(told.index("DeliveryStarted"), told.index("PaymentMade"))
        self._has_paid(order_id, charged=PRICE, refunded=0)
        nothing_is_given_up(self)

    def an_order_that_is_canceled_before_its_parcel_leaves_is_never_charged(self) -> None:
        order_id = place("emil-carrier-silent", "pavlova", 1)
        parcel_of(order_id)
        self.assertEqual(self._payment(order_id)["status"], "authorized")
        shop.ok("POST", f"/orders/{order_id}/cancel", {"reason": "changed my mind"})
        self.assertEqual(ended(order_id)["status"], "Canceled")
        wait_for(lambda: "PaymentCanceled" in event_names(order_id), PATIENCE, "the release")
        self.assertNotIn("PaymentMade", event_names(order_id))
        self._has_paid(order_id, charged=0, refunded=0)

    def an_authorization_that_has_lapsed_cancels_the_order_and_alerts_an_operator(self) -> None:
        order_id = place("ina-lapses-carrier-silent", "pavlova", 1)
        self.assertEqual(webhook(order_id, parcel_of(order_id), "DeliveryStarted")[0], 202)
        order = ended(order_id)
        self.assertEqual(order["status"], "Canceled")
        self.assertIn("the authorization has lapsed", order["reason"])
        for event in ("CaptureFailed", "DeliveryWasCanceled", "ItemReturned", "PaymentCanceled"):
            wait_for(lambda event=event: event in event_names(order_id), PATIENCE, event)
        self._has_paid(order_id, charged=0, refunded=0)

    def _payment(self, order_id: str) -> dict[str, Any]:
        return shop.ok("GET", f"/payments/{order_id}")

    def _has_paid(self, order_id: str, *, charged: float, refunded: float) -> None:
        payment = self._payment(order_id)
        self.assertEqual((payment["charged"], payment["refunded"]), (charged, refunded), payment)

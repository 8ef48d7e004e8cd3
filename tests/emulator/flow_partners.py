"""Partners that the bus calls: the carrier, and the shop's own front end."""

import json
import unittest
from typing import Any

import flow
from deployed_shop import PATIENCE, attribute, edges, ended, has_edges, lines, place, shop, take
from flow import orders
from front_end import claims
from shop_stack import API_KEY, request, wait_for


class TheCarrier(unittest.TestCase):
    def one_who_is_down_leads_through_retries_and_dead_letters_to_a_refund(self) -> None:
        order_id = place("frida-carrier-down", "pavlova", 3)
        self._is_canceled_and_refunded(order_id, 52.35)

    def one_who_falters_is_asked_again(self) -> None:
        order_id = place("hanna-carrier-flaky", "pavlova", 1)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        has_edges(self, order_id, edges(flow.embedded["stories"][0]["events"]))

    def a_call_carries_the_key_and_a_wrong_one_is_refused(self) -> None:
        for key in ("a-wrong-key", ""):
            status, _ = request("POST", f"{shop.carrier}/deliveries", {}, {"X-Api-Key": key})
            self.assertEqual(status, 401)
        with_key = request("POST", f"{shop.carrier}/deliveries", {}, {"X-Api-Key": API_KEY})
        self.assertEqual(with_key[0], 400, "let in, and then rejected as no delivery")
        self._connect("a-wrong-key")
        try:
            order_id = place("ana", "pavlova", 2)
            self._is_canceled_and_refunded(order_id, 34.9)
            # The parcel cannot be recalled either, so the recall becomes a dead letter, and stays one until an
            # operator redrives it.
            letter = take("DeadLettersUrl")
        finally:
            self._connect(API_KEY)
        self.assertIn("delivery-RecallDelivery", attribute(letter, "RULE_ARN"))
        self.assertIn("401", attribute(letter, "ERROR_MESSAGE"))
        [told] = [line for line in lines("sweeper") if line.get("rule") == "delivery-RecallDelivery"]
        self.assertEqual((told["level"], told["correlation_id"]), ("WARN", order_id))
        self.assertEqual(told["code"], attribute(letter, "ERROR_CODE"))
        order_id = place("ana", "pavlova", 1)
        self.assertEqual(ended(order_id)["status"], "Delivered")

    def _is_canceled_and_refunded(self, order_id: str, total: float) -> None:
        order = ended(order_id)
        self.assertEqual(order["status"], "Canceled")
        self.assertTrue(order["reason"].startswith("the delivery was canceled"), order)
        expected = edges(flow.embedded["stories"][4]["events"])
        expected[("OrderCanceled", "-")] -= 1
        expected[("DeliveryWasCanceled", "OrderCanceled")] -= 1
        expected[("DeliveryWasCanceled", "DeliveryMarkedAsStarted")] += 1
        expected[("OrderCanceled", "DeliveryWasCanceled")] += 1
        has_edges(self, order_id, +expected)
        payment = shop.ok("GET", f"/payments/{order_id}")
        self.assertEqual((payment["charged"], payment["refunded"]), (total, total))

    def _connect(self, key: str) -> None:
        """Makes the connection send this key from now on."""
        events = shop.client("events")
        name = events.list_connections()["Connections"][0]["Name"]
        auth = {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": key}}
        events.update_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=auth)


class AFrontEnd(unittest.TestCase):
    def is_told_each_step_of_an_order_by_a_signed_webhook(self) -> None:
        ended(orders[0])
        steps = (
            "OrderCreated",
            "DeliveryEstimated",
            "PaymentMade",
            "DeliveryStarted",
            "OrderDelivered",
        )
        told = wait_for(lambda: self._told(orders[0], len(steps)), PATIENCE, "the last update")
        self.assertEqual(tuple(update["type"] for update in told), steps)
        self.assertEqual((told[2]["payment"], told[4]["status"]), ("paid", "Delivered"))

    def believes_nothing_that_another_secret_signed_and_hears_nothing_personal(self) -> None:
        wait_for(lambda: self._told(orders[0], 1), PATIENCE, "an update")
        for _, body in flow.front_end.posted:
            self.assertEqual(sorted(body), ["order-id", "signed-update"])
            self.assertIsNone(claims(body["signed-update"], "the secret of somebody else"))
            told = json.dumps(claims(body["signed-update"], self._secret()))
            self.assertNotIn("Berlin", told)

    def _told(self, order_id: str, least: int) -> list[dict[str, Any]] | None:
        updates = flow.front_end.updates(order_id, self._secret())
        return updates if len(updates) >= least else None

    def _secret(self) -> str:
        secrets = shop.client("secretsmanager")
        named = shop.outputs["FrontEndSigningSecretArn"]
        return secrets.get_secret_value(SecretId=named)["SecretString"]

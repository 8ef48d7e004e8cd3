"""The flow holds on the emulator: the deployed template, the real binaries, asked over its API.

Run with `scripts/emulator.sh test`, which builds what is deployed, and ends it whatever happens.
"""

import json
import os
import subprocess
import sys
import unittest
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import emulator
import sentence_tests
from shop_stack import API_KEY, BINARIES, STACK, ShopStack, fill, request, wait_for

# Seconds until something that should happen counts as missing, also on a busy machine.
PATIENCE = 60.0
# How often an unchanged count of invocations has to be seen, a second apart, to count as rest.
QUIET_LOOKS = 3
DEMO_SECONDS = 60
UNREACHABLE = "http://127.0.0.1:9"

Event = dict[str, Any]
Edges = Counter[tuple[str, str]]

# Who orders what in `chorus demo`, and after which event the customer cancels, if ever.
STORIES: tuple[tuple[str, str, int, str | None], ...] = (
    ("ana", "chai", 2, None),
    ("berit", "tofu", 36, None),
    ("carlos-declined", "chai", 3, None),
    ("dora-carrier-cancels", "tofu", 1, None),
    ("emil-carrier-silent", "chai", 5, "DeliveryMarkedAsStarted"),
)
OTHERS = ("frida-carrier-down", "gustav-mail-down", "hanna-carrier-flaky")

shop: ShopStack
embedded: dict[str, Any]
orders: list[str] = []


def setUpModule() -> None:
    """Deploys the shop and plays the five stories; the embedded shop plays the same."""
    global shop, embedded
    shop = ShopStack(int(os.environ.get("EMULATOR_PORT", emulator.DEFAULT_PORT)))
    unittest.addModuleCleanup(shop.down, keep_log=bool(os.environ.get("EMULATOR_KEEP_LOG")))
    demo = [str(BINARIES / "chorus"), "demo", "--json"]
    told = subprocess.run(demo, capture_output=True, timeout=DEMO_SECONDS, check=True)
    embedded = json.loads(told.stdout)
    shop.up()
    fill(shop)
    # The other tests have an item of their own, so that the stories' books stay theirs.
    shop.ok("PUT", "/items/pavlova", {"name": "Pavlova", "price": 17.45, "stock": 29})
    for customer in (*(story[0] for story in STORIES), *OTHERS):
        name = customer.split("-")[0]
        shop.ok("PUT", f"/customers/{customer}", {"name": name, "email": f"{name}@example.com"})
    rest()
    for customer, sku, pieces, cancel_after in STORIES:
        order_id = place(customer, sku, pieces)
        orders.append(order_id)
        if cancel_after:
            wait_for(lambda: cancel_after in said(order_id), PATIENCE, f"{cancel_after}")
            shop.ok("POST", f"/orders/{order_id}/cancel", {"reason": "changed my mind"})


class Stories(unittest.TestCase):
    def an_order_that_is_paid_is_delivered(self) -> None:
        self._ends(0, "Delivered", None)
        self._paid(0, charged=36, refunded=0)

    def an_item_that_is_not_available_cancels_the_order_before_anything_is_charged(self) -> None:
        self._ends(1, "Canceled", "not in stock: tofu")
        self.assertNotIn("PaymentMade", said(orders[1]))

    def a_failed_payment_gives_the_stock_back(self) -> None:
        self._ends(2, "Canceled", "the payment failed: card declined")
        self._paid(2, charged=0, refunded=0)

    def a_carrier_that_gives_up_leads_to_a_refund_and_a_return(self) -> None:
        self._ends(3, "Canceled", None)
        self._paid(3, charged=23.25, refunded=23.25)

    def a_customer_may_cancel_while_the_order_is_under_way(self) -> None:
        self._ends(4, "Canceled", "changed my mind")
        self._paid(4, charged=90, refunded=90)

    def the_stock_is_what_the_embedded_shop_has(self) -> None:
        rest()
        for expected in embedded["books"]["items"]:
            item = shop.ok("GET", f"/items/{expected['sku']}")
            for place_of_pieces in ("available", "reserved"):
                with self.subTest(item=expected["sku"], pieces=place_of_pieces):
                    self.assertEqual(item[place_of_pieces], expected[place_of_pieces])

    def nothing_was_given_up(self) -> None:
        nothing_is_given_up(self)

    def _ends(self, number: int, status: str, reason: str | None) -> None:
        """The order ends so, and its log has the embedded run's events for the same causes."""
        order = ended(orders[number])
        self.assertEqual(order["status"], status, order)
        if reason:
            self.assertEqual(order["reason"], reason)
        expected = edges(embedded["stories"][number]["events"])
        has_edges(self, orders[number], expected)

    def _paid(self, number: int, *, charged: float, refunded: float) -> None:
        payment = shop.ok("GET", f"/payments/{orders[number]}")
        self.assertEqual((payment["charged"], payment["refunded"]), (charged, refunded), payment)


class Unchanged(unittest.TestCase):
    def a_duplicate_of_every_event_changes_nothing(self) -> None:
        rest()
        before = [picture(order_id) for order_id in orders]
        events = [event for order_id in orders for event in log(order_id)]
        recorded = invocations("event-log")
        put(events)
        wait_for(
            lambda: invocations("event-log") >= recorded + len(events),
            PATIENCE,
            f"the log's look at {len(events)} duplicates",
        )
        rest()
        for order_id, earlier in zip(orders, before, strict=True):
            self.assertEqual(picture(order_id), earlier)
        nothing_is_given_up(self)


class TheCarrier(unittest.TestCase):
    def one_who_is_down_leads_through_retries_and_dead_letters_to_a_refund(self) -> None:
        order_id = place("frida-carrier-down", "pavlova", 3)
        self._is_canceled_and_refunded(order_id, 52.35)

    def one_who_falters_is_asked_again(self) -> None:
        order_id = place("hanna-carrier-flaky", "pavlova", 1)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        has_edges(self, order_id, edges(embedded["stories"][0]["events"]))

    def a_call_carries_the_key_and_a_wrong_one_is_refused(self) -> None:
        for key in ("a-wrong-key", ""):
            status, _ = request("POST", f"{shop.carrier}/deliveries", {}, {"X-Api-Key": key})
            self.assertEqual(status, 401)
        with_key = request("POST", f"{shop.carrier}/deliveries", {}, {"X-Api-Key": API_KEY})
        self.assertEqual(with_key[0], 400, "let in, and then told that this is no delivery")
        self._connect("a-wrong-key")
        try:
            order_id = place("ana", "pavlova", 2)
            self._is_canceled_and_refunded(order_id, 34.9)
            # Nor can the parcel be called back: nobody drives that queue but an operator.
            letter = take("DeadLettersUrl")
        finally:
            self._connect(API_KEY)
        self.assertIn("delivery-RecallDelivery", attribute(letter, "RULE_ARN"))
        self.assertIn("401", attribute(letter, "ERROR_MESSAGE"))
        order_id = place("ana", "pavlova", 1)
        self.assertEqual(ended(order_id)["status"], "Delivered")

    def _is_canceled_and_refunded(self, order_id: str, total: float) -> None:
        order = ended(order_id)
        self.assertEqual(order["status"], "Canceled")
        self.assertTrue(order["reason"].startswith("the delivery was canceled"), order)
        expected = edges(embedded["stories"][4]["events"])
        expected[("OrderCanceled", "-")] -= 1
        expected[("DeliveryWasCanceled", "OrderCanceled")] -= 1
        expected[("DeliveryWasCanceled", "DeliveryMarkedAsStarted")] += 1
        expected[("OrderCanceled", "DeliveryWasCanceled")] += 1
        has_edges(self, order_id, +expected)
        payment = shop.ok("GET", f"/payments/{order_id}")
        self.assertEqual((payment["charged"], payment["refunded"]), (total, total))

    def _connect(self, key: str) -> None:
        """The connection sends this key from now on."""
        events = shop.client("events")
        name = events.list_connections()["Connections"][0]["Name"]
        auth = {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": key}}
        events.update_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=auth)


class FailureQueues(unittest.TestCase):
    def a_function_that_fails_lands_there_with_the_cause_and_a_redrive_ends_the_order(self) -> None:
        functions, name = shop.client("lambda"), f"{STACK}-customer"
        whole = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

        def configure(variables: dict[str, str]) -> None:
            environment = {"Variables": variables}
            functions.update_function_configuration(FunctionName=name, Environment=environment)

        configure({**whole, "AWS_ENDPOINT_URL_DYNAMODB": UNREACHABLE})
        try:
            order_id = place("ana", "pavlova", 1)
            record = take("CustomerFailuresUrl")
        finally:
            configure(whole)
        body = json.loads(record["Body"])
        self.assertEqual(body["requestContext"]["condition"], "RetriesExhausted")
        self.assertEqual(body["requestContext"]["approximateInvokeCount"], 3)
        self.assertTrue(body["responsePayload"]["errorType"].startswith("Retryable."), body)
        event = body["requestPayload"]
        self.assertEqual(event["detail"]["data"]["order-id"], order_id)
        self.assertEqual(shop.ok("GET", f"/orders/{order_id}")["status"], "Open")
        payload = json.dumps(event)
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        has_edges(self, order_id, edges(embedded["stories"][0]["events"]))

    def an_event_that_makes_no_sense_lands_there_at_once(self) -> None:
        created, key = log(orders[0])[0], uuid.uuid4()
        fresh = {"event-id": str(key), "idempotency-key": key.hex, "correlation-id": key.hex}
        metadata = {**created["metadata"], **fresh}
        event = {**created, "metadata": metadata, "data": {"order-id": "nonsense"}}
        put([event])
        for service in ("Inventory", "Order", "Analytics"):
            letter = take(f"{service}FailuresUrl")
            self.assertTrue(attribute(letter, "ERROR_CODE").startswith("Terminal."), letter)
            self.assertIn(f"{STACK}-{service.lower()}", attribute(letter, "TARGET_ARN"))
            self.assertEqual(json.loads(letter["Body"])["detail"]["data"], event["data"])
        wait_for(lambda: said(key.hex), PATIENCE, "the nonsense in the log")

    def a_poisoned_message_fails_alone_in_its_batch(self) -> None:
        sqs, queue = shop.client("sqs"), shop.outputs["NotificationQueueUrl"]
        timeout = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "2"})
        try:
            self._sends_a_batch(sqs, queue)
        finally:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes=timeout["Attributes"])

    def _sends_a_batch(self, sqs: Any, queue: str) -> None:
        paid = next(event for event in log(orders[0]) if event["detail-type"] == "PaymentMade")
        first, down, last = (
            another(paid, customer) for customer in ("ana", "gustav-mail-down", "ana")
        )
        poison = "no event, and no JSON at all"
        bodies = [json.dumps(first), poison, json.dumps(down), json.dumps(last)]
        entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        letter = take("NotificationFailuresUrl")
        self.assertEqual(letter["Body"], poison)
        self.assertTrue(attribute(letter, "ERROR_CODE").startswith("Terminal."), letter)
        for event in (first, last, down):
            story = event["detail"]["metadata"]["correlation-id"]
            wait_for(lambda: said(story) == ["EmailSent"], PATIENCE, f"the letter of {story}")
        wait_for(lambda: waiting_in(queue) == 0, PATIENCE, "the end of the queue")
        kept = [line for line in lines("notification") if "the queue keeps" in line["message"]]
        self.assertEqual({line["code"] for line in kept}, {"Retryable.Unanswered"})
        self.assertEqual(len({line["span"]["message_id"] for line in kept}), 1, "only the one")


def place(customer: str, sku: str, pieces: int) -> str:
    """Places an order, and returns its id."""
    body = {
        "customer-id": customer,
        "lines": [{"sku": sku, "quantity": pieces}],
        "shipping-address": {
            "name": customer,
            "street": "Obere Str. 57",
            "city": "Berlin",
            "postal-code": "12209",
            "country": "Germany",
        },
    }
    return shop.ok("POST", "/orders", body, key=uuid.uuid4().hex)["order-id"]


def ended(order_id: str) -> dict[str, Any]:
    """The order, once it has ended."""

    def look() -> dict[str, Any] | None:
        order = shop.ok("GET", f"/orders/{order_id}")
        return order if order["status"] != "Open" else None

    return wait_for(look, PATIENCE, f"the end of {order_id}")


def log(order_id: str) -> list[Event]:
    """The order's events, in the order of causes."""
    return shop.ok("GET", f"/events?order-id={order_id}&limit=1000")["events"]


def said(order_id: str) -> list[str]:
    """The names of the order's events."""
    return [event["detail-type"] for event in log(order_id)]


def edges(events: list[Event]) -> Edges:
    """Which kinds of events were caused by which, and how often; `-` is a request from outside."""
    names = {event["metadata"]["event-id"]: event["detail-type"] for event in events}
    return Counter(
        (event["detail-type"], names.get(event["metadata"].get("causation-id"), "-"))
        for event in events
    )


def has_edges(case: unittest.TestCase, order_id: str, expected: Edges) -> None:
    """The order's log comes to hold just these causes and effects."""
    try:
        wait_for(lambda: edges(log(order_id)) == expected, PATIENCE, f"the log of {order_id}")
    except AssertionError:
        case.assertEqual(edges(log(order_id)), expected)


def nothing_is_given_up(case: unittest.TestCase) -> None:
    """No queue of failures or dead letters holds anything."""
    for output, url in shop.outputs.items():
        if output.endswith(("FailuresUrl", "DeadLettersUrl")):
            with case.subTest(queue=output):
                case.assertEqual(waiting_in(url), 0)


def picture(order_id: str) -> dict[str, Any]:
    """All that a duplicate could change."""
    return {
        "log": log(order_id),
        "order": shop.ok("GET", f"/orders/{order_id}"),
        "payment": shop.ask("GET", f"/payments/{order_id}"),
        "delivery": shop.ask("GET", f"/deliveries/{order_id}"),
        "items": [shop.ok("GET", f"/items/{sku}") for sku in ("chai", "tofu")],
        "analytics": shop.ok("GET", "/analytics"),
        "letters": letters(),
    }


def letters() -> list[tuple[str, str, str]]:
    """Every letter of the simulated mailer: its key, how often asked for, how often posted."""
    functions = shop.client("lambda")
    found = functions.get_function_configuration(FunctionName=f"{STACK}-notification")
    table = found["Environment"]["Variables"]["TABLE_OUTBOX"]
    items = shop.client("dynamodb").scan(TableName=table)["Items"]
    return sorted((item["pk"]["S"], item["asks"]["N"], item["posts"]["N"]) for item in items)


def put(events: list[Event]) -> None:
    """Puts logged events on the bus as they are."""
    entries = [
        {
            "EventBusName": shop.outputs["BusName"],
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps({"metadata": event["metadata"], "data": event["data"]}),
        }
        for event in events
    ]
    for start in range(0, len(entries), 10):
        answer = shop.client("events").put_events(Entries=entries[start : start + 10])
        assert answer["FailedEntryCount"] == 0, answer


def another(logged: Event, customer: str) -> Event:
    """The same news of another order, as the bus writes it into a queue."""
    order_id, key = uuid.uuid4().hex[:20], uuid.uuid4()
    metadata = {
        **logged["metadata"],
        "event-id": str(key),
        "idempotency-key": key.hex,
        "correlation-id": order_id,
    }
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": logged["detail-type"],
        "source": logged["source"],
        "account": "000000000000",
        "time": "2026-11-20T10:47:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "metadata": metadata,
            "data": {**logged["data"], "order-id": order_id, "customer-id": customer},
        },
    }


def take(output: str) -> dict[str, Any]:
    """Takes the next message of a queue of the stack."""
    sqs, url = shop.client("sqs"), shop.outputs[output]

    def look() -> dict[str, Any] | None:
        answer = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
        return next(iter(answer.get("Messages", [])), None)

    message = wait_for(look, PATIENCE, f"a message in {output}")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return message


def attribute(message: dict[str, Any], name: str) -> str:
    """An attribute of a message, which must have it."""
    return message["MessageAttributes"][name]["StringValue"]


def waiting_in(url: str) -> int:
    """How many messages a queue has, those in flight among them."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = shop.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))
    return sum(int(answer["Attributes"][count]) for count in counts)


def lines(service: str = "") -> list[dict[str, Any]]:
    """What a function has logged, or all of them, as JSON."""
    logs, found = shop.client("logs"), []
    prefix = f"/aws/lambda/{STACK}-{service}"
    for group in logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        messages = [event["message"] for page in pages for event in page["events"]]
        found += [json.loads(message) for message in messages if message.startswith("{")]
    return found


def invocations(service: str = "") -> int:
    """How many invocations of a function, or of all, have ended, by their logs."""
    return sum(line["message"] == "invocation done" for line in lines(service))


def rest() -> None:
    """Waits until no function works any more."""
    seen: list[int] = []

    def is_quiet() -> bool:
        seen.append(invocations())
        return len(seen) >= QUIET_LOOKS and len(set(seen[-QUIET_LOOKS:])) == 1

    wait_for(is_quiet, PATIENCE, "rest")


if __name__ == "__main__":
    sentence_tests.main()

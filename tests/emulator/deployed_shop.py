"""The parts of the deployed shop that the tests use: its API, its logs, its queues, its state machines."""

import base64
import functools
import hmac
import json
import os
import time
import unittest
import uuid
from collections import Counter
from typing import Any

import emulator
from shop_stack import STACK, WEBHOOK_SECRET, ShopStack, request, wait_for

# How many seconds the tests wait for something to happen, also on a busy machine.
PATIENCE = 60.0
# The shop counts as idle if the number of invocations is the same in this many checks in a row, a
# second apart.
QUIET_LOOKS = 3
MACHINES = ("CollectPayment", "AwaitReview", "FulfilDelivery")
# The event that hands a parcel to the carrier.
HANDED_OVER = "DeliveryMarkedAsStarted"

Event = dict[str, Any]
Edges = Counter[tuple[str, str]]

shop = ShopStack(int(os.environ.get("EMULATOR_PORT", emulator.DEFAULT_PORT)))


def place(customer: str, sku: str, pieces: int) -> str:
    """Places an order, and returns its id."""
    body = order_of(customer, sku, pieces)
    return shop.ok("POST", "/orders", body, key=uuid.uuid4().hex)["order-id"]


def order_of(customer: str, sku: str, pieces: int) -> dict[str, Any]:
    """The body of a request for an order."""
    return {
        "customer-id": customer,
        "lines": [{"sku": sku, "quantity": pieces}],
        "shipping-address": {
            "name": customer,
            "street": "Obere Str. 57",
            "city": "Berlin",
            "postal-code": "12209",
            "country": "DE",
        },
    }


def ended(order_id: str, patience: float = PATIENCE) -> dict[str, Any]:
    """Waits until the order has ended, and returns it."""

    def look() -> dict[str, Any] | None:
        order = shop.ok("GET", f"/orders/{order_id}")
        return order if order["status"] != "Open" else None

    return wait_for(look, patience, f"the end of {order_id}")


def log(order_id: str) -> list[Event]:
    """The order's events, causes before effects; without updates for the front end, which the
    embedded shop does not have."""
    events = shop.ok("GET", f"/events?order-id={order_id}&limit=1000")["events"]
    return [event for event in events if event["detail-type"] != "OrderUpdated"]


def event_names(order_id: str) -> list[str]:
    """The names of the order's events."""
    return [event["detail-type"] for event in log(order_id)]


def edges(events: list[Event]) -> Edges:
    """How often events of each type caused events of each type; `-` is a request from outside."""
    names = {event["metadata"]["event-id"]: event["detail-type"] for event in events}
    return Counter(
        (event["detail-type"], names.get(event["metadata"].get("causation-id"), "-"))
        for event in events
    )


def has_edges(case: unittest.TestCase, order_id: str, expected: Edges) -> None:
    """Waits until the order's log has exactly these causes and effects."""
    try:
        wait_for(lambda: edges(log(order_id)) == expected, PATIENCE, f"the log of {order_id}")
    except AssertionError:
        case.assertEqual(edges(log(order_id)), expected)


def nothing_is_given_up(case: unittest.TestCase) -> None:
    """Checks that no queue of failures or dead letters has a message."""
    for output, url in shop.outputs.items():
        if output.endswith(("FailuresUrl", "DeadLettersUrl")):
            with case.subTest(queue=output):
                case.assertEqual(waiting_in(url), 0)


def picture(order_id: str) -> dict[str, Any]:
    """Everything that a duplicate could change."""
    return {
        "log": log(order_id),
        "order": shop.ok("GET", f"/orders/{order_id}"),
        "payment": shop.ask("GET", f"/payments/{order_id}"),
        "delivery": shop.ask("GET", f"/deliveries/{order_id}"),
        "items": [shop.ok("GET", f"/items/{sku}") for sku in ("chai", "tofu")],
        "analytics": shop.ok("GET", "/analytics"),
        "letters": letters(),
        "executions": {machine: executions(machine) for machine in MACHINES},
    }


def handle_of(order_id: str) -> str:
    """Waits until the order's review is in the list, and returns its handle."""

    def look() -> str | None:
        reviews = shop.ok("GET", "/reviews?limit=100")["reviews"]
        found = [review for review in reviews if review["order-id"] == order_id]
        return found[0].get("handle") if found else None

    return wait_for(look, PATIENCE, f"the review of {order_id}")


def try_to_review(order_id: str, verdict: str, handle: str) -> tuple[int, Any]:
    """Sends a reviewer's verdict, and returns the API's response. The reviewer is not the user of
    the other requests, who places the orders and so may not review them."""
    opinion = {"verdict": verdict, "handle": handle}
    rita = shop.token("rita", "reviewer")
    return shop.ask("POST", f"/reviews/{order_id}", opinion, token=rita)


def review(order_id: str, verdict: str, handle: str) -> None:
    """Sends a reviewer's verdict, which must be accepted."""
    status, answer = try_to_review(order_id, verdict, handle)
    assert status == 200, answer


def executions(machine: str) -> list[tuple[str, str]]:
    """Name and status of every execution of a state machine."""
    states = shop.client("stepfunctions")
    arn = shop.outputs[f"{machine}MachineArn"]
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=arn)
    found = (execution for page in pages for execution in page["executions"])
    return sorted((execution["name"], execution["status"]) for execution in found)


def running(machine: str) -> list[str]:
    """The executions of a state machine that have not ended."""
    return [name for name, status in executions(machine) if status == "RUNNING"]


def token_behind(handle: str) -> str:
    """The task token that Payment stores under this handle; only its table has it."""
    functions = shop.client("lambda")
    found = functions.get_function_configuration(FunctionName=f"{STACK}-payment")
    table = found["Environment"]["Variables"]["TABLE_REVIEW_WAIT"]
    items = shop.client("dynamodb").scan(TableName=table)["Items"]
    return next(item["token"]["S"] for item in items if item["handle"]["S"] == handle)


def parcel_of(order_id: str) -> str:
    """Waits until the parcel is handed to the carrier, and returns its handle."""

    def look() -> str | None:
        events = [event for event in log(order_id) if event["detail-type"] == HANDED_OVER]
        return events[0]["data"]["handle"] if events else None

    return wait_for(look, PATIENCE, f"the parcel of {order_id}")


def webhook(
    order_id: str, handle: str, status: str, secret: str = WEBHOOK_SECRET
) -> tuple[int, Any]:
    """Sends a signed callback of the carrier, with an id of its own, and returns the response."""
    word = {"order-id": order_id, "handle": handle, "status": status}
    at, delivery = str(int(time.time())), uuid.uuid4().hex
    signed = f"{delivery}.{at}.{json.dumps(word)}".encode()
    signature = hmac.digest(secret.encode(), signed, "sha256")
    headers = {
        "webhook-id": delivery,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        "idempotency-key": uuid.uuid4().hex,
    }
    return _call_back(word, headers)


def webhook_as_in_earlier_releases(order_id: str, handle: str, status: str) -> tuple[int, Any]:
    """Sends a callback that is signed as earlier releases did, without an id."""
    word = {"order-id": order_id, "handle": handle, "status": status}
    at = str(int(time.time()))
    signed = f"{at}.{json.dumps(word)}".encode()
    signature = hmac.new(WEBHOOK_SECRET.encode(), signed, "sha256").hexdigest()
    headers = {"x-chorus-timestamp": at, "x-chorus-signature": signature}
    return _call_back(word, headers)


def _call_back(word: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
    return request("POST", shop.outputs["ApiUrl"] + "/webhooks/logistics", word, headers)


def letters() -> list[tuple[str, str, str]]:
    """Every email of the simulated mailer: its key, how often it was requested, how often it was
    sent."""
    functions = shop.client("lambda")
    found = functions.get_function_configuration(FunctionName=f"{STACK}-notification")
    table = found["Environment"]["Variables"]["TABLE_OUTBOX"]
    items = shop.client("dynamodb").scan(TableName=table)["Items"]
    return sorted((item["pk"]["S"], item["asks"]["N"], item["posts"]["N"]) for item in items)


def put(events: list[Event]) -> None:
    """Puts logged events on the bus unchanged."""
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
    """A copy of the event about another order, in the form in which the bus sends it to a queue."""
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
    """Receives the next message of a queue of the stack."""
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
    """How many messages a queue has, including messages in flight."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = shop.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))
    return sum(int(answer["Attributes"][count]) for count in counts)


@functools.cache
def log_groups() -> tuple[str, ...]:
    """The names of the stack's log groups.

    CloudFormation lists them. CloudWatch could list them as well, but MiniStack adds up the bytes of
    each group to do so, and fails while a function writes (1.5.33: "dictionary changed size").
    """
    stack = shop.client("cloudformation").get_paginator("list_stack_resources")
    pages = stack.paginate(StackName=STACK)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    groups = [it for it in resources if it["ResourceType"] == "AWS::Logs::LogGroup"]
    return tuple(group["PhysicalResourceId"] for group in groups)


def logged(group: str) -> list[str]:
    """The messages of a log group."""
    pages = shop.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return [event["message"] for page in pages for event in page["events"]]


def lines(service: str = "") -> list[dict[str, Any]]:
    """The log lines of a function, or of all functions, as JSON."""
    prefix = f"/aws/lambda/{STACK}-{service}"
    groups = [group for group in log_groups() if group.startswith(prefix)]
    messages = [message for group in groups for message in logged(group)]
    return [json.loads(message) for message in messages if message.startswith("{")]


def invocations(service: str = "") -> int:
    """How many invocations of a function, or of all functions, have ended, by the logs."""
    return sum(line["message"] == "invocation done" for line in lines(service))


def rest() -> None:
    """Waits until no function is running, also after a replay or a burst on a busy machine."""
    seen: list[int] = []

    def is_quiet() -> bool:
        seen.append(invocations())
        return len(seen) >= QUIET_LOOKS and len(set(seen[-QUIET_LOOKS:])) == 1

    wait_for(is_quiet, 5 * PATIENCE, "rest")

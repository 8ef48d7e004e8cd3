"""What operators see of failures, and do about them."""

import json
import unittest
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import flow
from deployed_operator import console, operate
from deployed_shop import (
    PATIENCE,
    another,
    attribute,
    edges,
    ended,
    event_names,
    has_edges,
    invocations,
    lines,
    log,
    place,
    put,
    rest,
    shop,
    take,
    waiting_in,
)
from flow import APPROVED, orders
from shop_stack import STACK, wait_for

UNREACHABLE = "http://127.0.0.1:9"


class FailureQueues(unittest.TestCase):
    def what_a_function_failed_on_three_times_it_gets_again_and_the_order_ends(self) -> None:
        whole = _variables("customer")
        _configure("customer", {**whole, "AWS_ENDPOINT_URL_DYNAMODB": UNREACHABLE})
        try:
            order_id = place("ana", "pavlova", 1)
            redrive = shop.outputs["CustomerRedriveUrl"]
            wait_for(lambda: waiting_in(redrive), PATIENCE, "the event that failed")
            self.assertIn("CustomerRedrive", operate("doctor"))
            self.assertEqual(shop.ok("GET", f"/orders/{order_id}")["status"], "Open")
        finally:
            _configure("customer", whole)
        # The message is invisible for a minute at most.
        wait_for(lambda: not waiting_in(redrive), 2 * PATIENCE, "the event's next attempt")
        self.assertEqual(ended(order_id)["status"], "Delivered")
        has_edges(self, order_id, edges(flow.embedded["stories"][0]["events"]))

    def an_event_that_makes_no_sense_lands_there_at_once(self) -> None:
        created, key = log(orders[0])[0], uuid.uuid4()
        fresh = {"event-id": str(key), "idempotency-key": key.hex, "correlation-id": key.hex}
        metadata = {**created["metadata"], **fresh}
        event = {**created, "metadata": metadata, "data": {"order-id": "nonsense"}}
        put([event])
        for service in ("Inventory", "Order", "Analytics", "Storefront"):
            letter = take(f"{service}FailuresUrl")
            self.assertTrue(attribute(letter, "ERROR_CODE").startswith("Terminal."), letter)
            self.assertIn(f"{STACK}-{service.lower()}", attribute(letter, "TARGET_ARN"))
            self.assertEqual(json.loads(letter["Body"])["detail"]["data"], event["data"])
        wait_for(lambda: event_names(key.hex), PATIENCE, "the nonsense in the log")

    def the_operators_command_sends_a_letter_to_its_function_alone(self) -> None:
        sqs, functions = shop.client("sqs"), shop.client("lambda")
        target = functions.get_function(FunctionName=f"{STACK}-event-log")["Configuration"]
        event = another(log(orders[0])[0], "ana")
        story = event["detail"]["metadata"]["correlation-id"]
        named = {"ERROR_CODE": "TriedInVain", "TARGET_ARN": target["FunctionArn"]}
        sqs.send_message(
            QueueUrl=shop.outputs["EventLogFailuresUrl"],
            MessageBody=json.dumps(event),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in named.items()
            },
        )
        redrive = ("dlq", "redrive", "--code", "TriedInVain")
        told = operate(*redrive)
        self.assertIn("Nothing was sent", told)
        self.assertEqual(event_names(story), [])
        others = json.loads(operate("dlq", "redrive", "--code", "NobodysCode", "--json", "--yes"))
        self.assertEqual(others, [])
        sent = operate(*redrive, "--yes")
        self.assertIn(target["FunctionArn"], sent, "looking at a letter does not hide it")
        deeds = json.loads(operate("dlq", "audit", "--json"))
        self.assertEqual([deed["outcome"]["sent"] for deed in deeds], [0, 1])
        self.assertEqual(deeds[1]["asked"]["code"], "TriedInVain")
        self.assertEqual(deeds[1]["outcome"]["letters"][0]["target"], target["FunctionArn"])
        wait_for(lambda: event_names(story) == ["OrderCreated"], PATIENCE, "the event in the log")
        self.assertEqual(waiting_in(shop.outputs["EventLogFailuresUrl"]), 0)

    def the_operators_command_replays_to_the_rule_it_names_and_nothing_happens_twice(self) -> None:
        rest()
        order, views, others = summary(orders[0]), invocations("order"), invocations("inventory")
        until = (flow.all_placed + timedelta(seconds=1)).isoformat()
        replay = ("replay", "--from=1h", f"--to={until}", "--rule=order-ProjectOrder", "--json")
        told = json.loads(operate(*replay))
        self.assertTrue(told["dry-run"])
        self.assertEqual([rule["rule"] for rule in told["rules"]], ["order-ProjectOrder"])
        self.assertGreater(told["archived"], 0)
        started = json.loads(operate(*replay, "--yes"))
        again = views + len(orders)
        wait_for(lambda: invocations("order") >= again, PATIENCE, "the list to get each order")
        rest()
        self.assertEqual(invocations("inventory"), others)
        self.assertEqual(summary(orders[0]), order)
        last = json.loads(operate("dlq", "audit", "--json"))[-1]
        self.assertEqual((last["what"], last["outcome"]["name"]), ("replay", started["name"]))

    def the_console_of_the_stack_tells_what_the_shop_knows(self) -> None:
        with console() as page:
            journey = page(f"/console/orders/{orders[APPROVED]}")
            for event in event_names(orders[APPROVED]):
                self.assertIn(event, journey)
            for machine in ("CollectPayment", "AwaitReview", "FulfilDelivery"):
                self.assertIn(f"/console/machines/{machine}?at=", journey)
            self.assertIn(orders[APPROVED], page("/console/orders"))
            self.assertIn("Findings of chorus doctor", page("/console/work"))
            self.assertIn("ReserveItem", page("/console"))

    def the_doctor_reads_the_deployed_rules_and_they_are_the_tables(self) -> None:
        told = operate("doctor")
        self.assertIn("0 rules differ from the design table", told)
        self.assertIn("0 records have unpublished events", told)

    def a_partner_that_the_bus_calls_in_vain_is_named_by_the_doctor_by_its_alarm(self) -> None:
        # The emulator does not count the bus's calls: its alarms do not fire by themselves.
        watch, reason = shop.client("cloudwatch"), "3.0 was greater than the threshold (2.0)"
        alarms = [f"{STACK}-start-delivery-retries", f"{STACK}-api-errors"]
        others = f"{STACK}-of-somebody-else"
        events = shop.client("events")
        events.create_event_bus(Name=others)
        self.addCleanup(events.delete_event_bus, Name=others)
        metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum"}
        limit = {"Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
        periods = {"Period": 60, "EvaluationPeriods": 1}
        watch.put_metric_alarm(AlarmName=f"{others}-order-errors", **metric, **limit, **periods)
        self.addCleanup(watch.delete_alarms, AlarmNames=[f"{others}-order-errors"])

        def turn(state: str) -> None:
            for name in [*alarms, f"{others}-order-errors"]:
                watch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)

        turn("ALARM")
        try:
            checkup = json.loads(operate("doctor", "--json"))
            self.assertIn(f": {reason}", operate("doctor"))
        finally:
            turn("OK")
        carrier = [it for it in checkup["unavailable"] if it["partner"] == "carrier"]
        self.assertEqual([it["reason"] for it in carrier], [reason])
        since = datetime.fromisoformat(carrier[0]["since"])
        self.assertLess(datetime.now(UTC) - since, timedelta(minutes=2))
        self.assertEqual([it["name"] for it in checkup["alarms"]], ["api-errors"])
        again = json.loads(operate("doctor", "--json"))
        self.assertNotIn("carrier", [it["partner"] for it in again["unavailable"]])
        self.assertEqual(again["alarms"], [])

    def a_charge_that_no_payment_has_is_named_and_refunded_once(self) -> None:
        order_id = place("ana", "pavlova", 1)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        rest()
        tables, table = shop.client("dynamodb"), _variables("payment")["TABLE_PAYMENT"]
        key = {"pk": {"S": f"order#{order_id}"}, "sk": {"S": "order"}}
        gone = tables.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"]

        def charges() -> list[str]:
            checkup = json.loads(operate("doctor", "--json"))
            self.assertNotIn("unexamined", checkup)
            found = checkup["discrepancies"]
            return [it["about"] for it in found if "the shop has not recorded" in it["problem"]]

        try:
            self.assertEqual(charges(), [order_id])
            refunds = json.loads(operate("payment", "refund-unrecorded", order_id, "--json"))
            self.assertEqual([it["refunded"] for it in refunds], [17.45])
            self.assertEqual(charges(), [])
        finally:
            tables.put_item(TableName=table, Item=gone)
        last = json.loads(operate("dlq", "audit", "--json"))[-1]
        self.assertEqual((last["what"], last["outcome"]), ("refund-unrecorded", refunds))

    def where_the_providers_key_cannot_be_read_the_doctor_says_that_it_did_not_look(self) -> None:
        whole = _variables("payment")
        _configure("payment", {**whole, "STRIPE_KEY_SECRET": "no-such-secret"})
        try:
            told = operate("doctor")
        finally:
            _configure("payment", whole)
        self.assertIn("charges at the payment provider that the shop has not recorded were not looked for: ", told)
        self.assertIn("STRIPE_KEY", told)

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
            wait_for(lambda: event_names(story) == ["EmailSent"], PATIENCE, f"the email of {story}")
        wait_for(lambda: waiting_in(queue) == 0, PATIENCE, "the end of the queue")
        kept = [line for line in lines("notification") if "stays in its queue" in line["message"]]
        self.assertEqual({line["code"] for line in kept}, {"Retryable.OutcomeUnknown"})
        self.assertEqual(len({line["message_id"] for line in kept}), 1, "only the one")


def _variables(function: str) -> dict[str, str]:
    """The environment variables of a function of the stack."""
    found = shop.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{function}")
    return found["Environment"]["Variables"]


def _configure(function: str, variables: dict[str, str]) -> None:
    """Sets the environment variables of a function of the stack."""
    name, environment = f"{STACK}-{function}", {"Variables": variables}
    shop.client("lambda").update_function_configuration(FunctionName=name, Environment=environment)


def summary(order_id: str) -> dict[str, Any]:
    """An order in the form of the list of orders."""
    order = shop.ok("GET", f"/orders/{order_id}")
    listed = shop.ok("GET", f"/orders?customer-id={order['customer-id']}")["orders"]
    return next(one for one in listed if one["order-id"] == order_id)

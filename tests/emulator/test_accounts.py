"""The shop and the enterprise's bus in two accounts of one emulator, and what two other accounts may send to the bus.

Run with `scripts/emulator.sh accounts`. An order goes through both accounts: of the order's
events, the enterprise's bus gets only the one that reports the delivery.
"""

import json
import os
import sys
import unittest
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import boto3
from botocore.exceptions import ClientError

import sentence_tests
from deployed_shop import PATIENCE, ended, log, place, shop
from deployment import Stack
from shop_stack import ROOT, STACK, fill, wait_for

SHOP, ENTERPRISE, CATALOGUE, STRANGER = "000000000000", *(digit * 12 for digit in "234")
GATEKEEPER = "enterprise"
TEMPLATE = ROOT / "infra" / "gatekeeper" / "template.yaml"
DEPLOY_SECONDS = 120.0

outputs: dict[str, str]


def setUpModule() -> None:
    """Deploys the shop in one account and the enterprise's bus in another; a team of the enterprise
    subscribes to everything on it."""
    global outputs
    unittest.addModuleCleanup(shop.down, keep_log=bool(os.environ.get("EMULATOR_KEEP_LOG")))
    shop.up(EnterpriseBusArn=bus(ENTERPRISE, GATEKEEPER), CatalogueAccount=CATALOGUE)
    gatekeeper = Stack(GATEKEEPER, shop.url, ENTERPRISE)
    parameters = {
        "ApplicationAccount": SHOP,
        "ApplicationBusArn": bus(SHOP, STACK),
        "CatalogueAccount": CATALOGUE,
    }
    given = [f"{name}={value}" for name, value in parameters.items()]
    gatekeeper.deploy(TEMPLATE, given, DEPLOY_SECONDS)
    outputs = gatekeeper.outputs()
    subscribe()
    fill(shop)


class PublicEvents(unittest.TestCase):
    def a_subscriber_hears_of_a_delivered_and_of_a_canceled_order_and_nothing_else(self) -> None:
        delivered, canceled = place("ana", "chai", 2), place("ana", "chai", 1_000)
        self.assertEqual(ended(delivered)["status"], "Delivered")
        self.assertEqual(ended(canceled)["status"], "Canceled")
        received = {event["detail"]["data"]["order-id"]: event for event in take("subscriber", 2)}
        names = {order: event["detail-type"] for order, event in received.items()}
        expected = {delivered: "ShopOrderDelivered", canceled: "ShopOrderCanceled"}
        self.assertEqual(names, expected)
        event = received[delivered]
        self.assertEqual((event["account"], event["source"]), (SHOP, "com.example.shop"))
        data = event["detail"]["data"]
        self.assertEqual(set(data), {"order-id", "placed-at", "total", "currency"})
        self.assertEqual((data["total"], data["currency"]), (36, "EUR"))
        self.assertNotIn("ana", json.dumps(event).replace(delivered, "").lower())
        # The order had more than ten events on the shop's own bus.
        self.assertGreater(len(log(delivered)), 10)
        self.assertEqual(messages("subscriber"), [])

    def an_event_of_the_shops_own_is_refused_even_if_the_shop_sends_it(self) -> None:
        self.assertEqual(refusal(SHOP, "com.orders", "OrderDelivered"), "AccessDeniedException")
        self.assertEqual(refusal(SHOP, "com.example.shop", "OrderDelivered"), "AccessDeniedException")

    def what_the_bus_refuses_of_a_rule_is_a_dead_letter_of_the_sender(self) -> None:
        events, queue = client("events", STRANGER), make_queue("letters", STRANGER)
        events.create_event_bus(Name="own")
        rule = events.put_rule(
            Name="outwards", EventBusName="own", EventPattern=json.dumps({"source": ["x"]})
        )
        allow(queue, rule["RuleArn"], STRANGER)
        target = {
            "Id": "bus",
            "Arn": bus(ENTERPRISE, GATEKEEPER),
            "RoleArn": make_role(STRANGER),
            "DeadLetterConfig": {"Arn": arn(queue, STRANGER)},
        }
        events.put_targets(Rule="outwards", EventBusName="own", Targets=[target])
        entry = {"EventBusName": "own", "Source": "x", "DetailType": "X", "Detail": "{}"}
        events.put_events(Entries=[entry])
        [letter] = wait_for(lambda: received(queue, STRANGER), PATIENCE, "the dead letter")
        attributes = letter["MessageAttributes"]
        self.assertEqual(attributes["ERROR_CODE"]["StringValue"], "NO_PERMISSIONS")


class Commands(unittest.TestCase):
    def a_named_command_of_the_partners_account_is_carried_out_and_its_account_kept(self) -> None:
        sku = f"tea-{uuid.uuid4().hex[:8]}"
        put(CATALOGUE, "PutItem", listing(sku), actor="maria")

        def listed() -> dict[str, Any] | None:
            status, item = shop.ask("GET", f"/items/{sku}")
            return item if status == 200 else None

        item = wait_for(listed, PATIENCE, f"the item {sku}")
        self.assertEqual((item["name"], item["price"]), ("Tea", 4.5))

        def recorded() -> dict[str, Any] | None:
            return next((it for name, it in logged(sku) if name == "ItemListed"), None)

        metadata = wait_for(recorded, PATIENCE, f"ItemListed of {sku}")
        self.assertEqual(metadata["actor"], f"account {CATALOGUE}")

    def another_account_and_another_command_are_refused_at_the_sender(self) -> None:
        source = "com.example.catalogue"
        self.assertEqual(refusal(STRANGER, source, "PutItem"), "AccessDeniedException")
        self.assertEqual(refusal(CATALOGUE, source, "CancelOrder"), "AccessDeniedException")
        self.assertEqual(refusal(CATALOGUE, "com.orders", "PutItem"), "AccessDeniedException")

    def the_partner_does_not_reach_the_shops_bus_itself(self) -> None:
        entry = command("PutItem", listing("tea-direct"))
        with self.assertRaises(ClientError) as refused:
            client("events", CATALOGUE).put_events(Entries=[{**entry, "EventBusName": bus(SHOP, STACK)}])
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDeniedException")

    def what_no_rule_wants_waits_in_a_queue_with_its_reason(self) -> None:
        put(CATALOGUE, "PutItem", listing("tea-unwanted"), category="event")
        [message] = wait_for(lambda: received(outputs["UnwantedUrl"], ENTERPRISE), PATIENCE, "it")
        body = json.loads(message["Body"])
        self.assertTrue(body["reason"].startswith("No rule matches this event"), body)
        self.assertEqual(body["event"]["account"], CATALOGUE)
        self.assertEqual(shop.ask("GET", "/items/tea-unwanted")[0], 404)


def client(service: str, account: str) -> Any:
    """A client of the emulator as the root user of an account."""
    return boto3.client(
        service,
        endpoint_url=shop.url,
        region_name="us-east-1",
        aws_access_key_id=account if account != SHOP else "test",
        aws_secret_access_key="test",
    )


def logged(subject: str) -> list[tuple[str, dict[str, Any]]]:
    """The names and the metadata of the events about something that is not an order, from the log's table."""
    tables = client("dynamodb", SHOP)
    table = next(it for it in tables.list_tables()["TableNames"] if "EventLogTable" in it)
    found = tables.query(
        TableName=table,
        KeyConditionExpression="pk = :subject",
        ExpressionAttributeValues={":subject": {"S": subject}},
    )
    return [(it["detail-type"]["S"], json.loads(it["metadata"]["S"])) for it in found["Items"]]


def bus(account: str, name: str) -> str:
    """The ARN of a bus."""
    return f"arn:aws:events:us-east-1:{account}:event-bus/{name}"


def subscribe() -> None:
    """Adds a rule to the enterprise's bus that sends the shop's events to a queue, whatever they are called."""
    queue = make_queue("subscriber", ENTERPRISE)
    pattern = json.dumps({"account": [SHOP]})
    events = client("events", ENTERPRISE)
    rule = events.put_rule(Name="subscriber", EventBusName=GATEKEEPER, EventPattern=pattern)
    allow(queue, rule["RuleArn"], ENTERPRISE)
    targets = [{"Id": "queue", "Arn": arn(queue, ENTERPRISE)}]
    events.put_targets(Rule="subscriber", EventBusName=GATEKEEPER, Targets=targets)


def make_queue(name: str, account: str) -> str:
    """Creates a queue, and returns its URL."""
    return client("sqs", account).create_queue(QueueName=name)["QueueUrl"]


def arn(queue: str, account: str) -> str:
    """The ARN of a queue."""
    asked = client("sqs", account).get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return asked["Attributes"]["QueueArn"]


def allow(queue: str, rule: str, account: str) -> None:
    """Lets a rule send to a queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn(queue, account),
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("sqs", account).set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})


def make_role(account: str) -> str:
    """Creates a role that may put events on any bus, and returns its ARN."""
    iam = client("iam", account)
    role = iam.create_role(RoleName="outwards", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="outwards", PolicyName="own", PolicyDocument=policy)
    return role


def received(queue: str, account: str) -> list[dict[str, Any]]:
    """Receives messages of a queue, and deletes them."""
    sqs = client("sqs", account)
    answer = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    for message in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return answer.get("Messages", [])


def messages(name: str) -> list[dict[str, Any]]:
    """The bodies of the messages that are in a queue of the enterprise now."""
    url = client("sqs", ENTERPRISE).get_queue_url(QueueName=name)["QueueUrl"]
    return [json.loads(message["Body"]) for message in received(url, ENTERPRISE)]


def take(name: str, count: int) -> list[dict[str, Any]]:
    """Waits for this many messages in a queue of the enterprise, and returns their bodies."""
    taken: list[dict[str, Any]] = []

    def look() -> bool:
        taken.extend(messages(name))
        return len(taken) >= count

    wait_for(look, PATIENCE, f"{count} messages in {name}")
    return taken


def listing(sku: str) -> dict[str, Any]:
    """The data of a command that lists an item."""
    return {"sku": sku, "name": "Tea", "price": 4.5, "stock": 7}


def command(name: str, data: dict[str, Any], **metadata: str) -> dict[str, str]:
    """A command of the catalogue, as an entry of PutEvents on the enterprise's bus."""
    envelope = {
        "idempotency-key": uuid.uuid4().hex,
        "event-id": str(uuid.uuid4()),
        "correlation-id": "catalogue",
        "occurred-at": datetime.now(timezone.utc).isoformat(),
        "version": 1,
        "ttl-seconds": 300,
        "category": "command",
        **metadata,
    }
    return {
        "EventBusName": bus(ENTERPRISE, GATEKEEPER),
        "Source": "com.example.catalogue",
        "DetailType": name,
        "Detail": json.dumps({"metadata": envelope, "data": data}),
    }


def put(account: str, name: str, data: dict[str, Any], **metadata: str) -> None:
    """Puts a command on the enterprise's bus."""
    answer = client("events", account).put_events(Entries=[command(name, data, **metadata)])
    assert answer["FailedEntryCount"] == 0, answer


def refusal(account: str, source: str, name: str) -> str:
    """The error with which the enterprise's bus refuses an event."""
    entry = {**command(name, listing("tea-refused")), "Source": source}
    try:
        return str(client("events", account).put_events(Entries=[entry]))
    except ClientError as error:
        return error.response["Error"]["Code"]


if __name__ == "__main__":
    sentence_tests.main()

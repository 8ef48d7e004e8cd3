"""A failover of the shop between two regions of one emulator, by `chorus failover --stack`.

Run with `scripts/emulator.sh failover`: about seven minutes, of which the command waits five. The emulator replicates
tables at once, has no global endpoint and does not enforce IAM here. The roles have the same names
in both regions, so that the second stack's roles would replace the first's.
"""

import contextlib
import functools
import json
import os
import platform
import subprocess
import sys
import unittest
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import boto3

import deployment
import emulator
import prebuilt
import process
import sentence_tests
from deployed_shop import order_of
from shop_stack import (
    API_KEY,
    BINARIES,
    ROLES,
    ROOT,
    STACK,
    WEBHOOK_SECRET,
    free_port,
    is_listening,
    log_in,
    request,
    wait_for,
)

FIRST, SECOND, WITNESS = "eu-central-1", "eu-west-1", "eu-west-3"
TEMPLATE = ROOT / "infra" / "two-regions" / "template.yaml"
DEPLOY_SECONDS = 200.0
# The command waits five minutes, so that calls in flight have ended.
FAILOVER_SECONDS = 420.0
PATIENCE = 90.0

aws = process.Emulator(ROOT, int(os.environ.get("EMULATOR_PORT", emulator.DEFAULT_PORT)))
carrier = free_port()


class Region:
    """The stack in one region."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.outputs: dict[str, str] = {}
        self.reviewer = self._token = ""

    def deploy(self, template: Path) -> None:
        """Deploys the stack. The emulator's conditions do not know AWS::Region, so its value is
        written in."""
        document = json.loads(template.read_text())
        conditions = json.dumps(document["Conditions"])
        conditions = conditions.replace('{"Ref": "AWS::Region"}', json.dumps(self.name))
        written = template.with_name(f"{self.name}.json")
        written.write_text(json.dumps({**document, "Conditions": json.loads(conditions)}))
        process.TEST_CREDENTIALS.update(AWS_REGION=self.name, AWS_DEFAULT_REGION=self.name)
        stack = deployment.Stack(STACK, aws.url)
        given = {
            "Architecture": "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64",
            "PrimaryRegion": FIRST,
            "SecondaryRegion": SECOND,
            "WitnessRegion": WITNESS,
            "ActiveRegion": FIRST,
            "CarrierEndpoint": f"http://127.0.0.1:{carrier}",
            "CarrierSecret": API_KEY,
            "WebhookSecret": WEBHOOK_SECRET,
            "RegisterSchemas": "false",
        }
        stack.deploy(written, [f"{key}={value}" for key, value in given.items()], DEPLOY_SECONDS)
        self.outputs = stack.outputs()
        self._token = log_in(self.client("cognito-idp"), self.outputs, "maria", *ROLES)
        # Maria places the orders, and so may not review them.
        self.reviewer = log_in(self.client("cognito-idp"), self.outputs, "rita", "reviewer")

    def client(self, service: str) -> Any:
        """A client of the emulator in this region."""
        return boto3.client(
            service,
            endpoint_url=aws.url,
            region_name=self.name,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        """Sends a request with a key of its own to this region's API; without `token`, from a user with
        every role."""
        bearer = f"Bearer {token or self._token}"
        headers = {"Authorization": bearer, "Idempotency-Key": uuid.uuid4().hex}
        return request(method, self.outputs["ApiUrl"] + path, body, headers)

    def enabled_rules(self) -> set[str]:
        """The names of the enabled rules on the stack's bus."""
        rules = self.client("events").list_rules(EventBusName=STACK)["Rules"]
        return {rule["Name"] for rule in rules if rule["State"] == "ENABLED"}


first, second = Region(FIRST), Region(SECOND)


def setUpModule() -> None:
    """Deploys both stacks. Between them, each table gets a replica in the second region, as
    AWS::DynamoDB::GlobalTable does it on AWS."""
    os.environ["EMULATOR_IAM"] = "off"
    unittest.addModuleCleanup(aws.stop, keep_log=bool(os.environ.get("EMULATOR_KEEP_LOG")))
    aws.start(60)
    template = prebuilt.template_with_binaries(TEMPLATE, BINARIES, aws.folder / STACK)
    first.deploy(template)
    tables = first.client("dynamodb")
    for name in tables.list_tables()["TableNames"]:
        replica = {"Create": {"RegionName": SECOND}}
        tables.update_table(TableName=name, ReplicaUpdates=[replica])
    second.deploy(template)


class Failover(unittest.TestCase):
    def an_order_that_waits_in_one_region_is_delivered_by_the_other_one(self) -> None:
        self.assertIn("No region is active yet", failover(FIRST))
        self.assertIn(f"{FIRST} is active", failover(FIRST, "--yes"))
        with partners(first):
            for path, body in LISTED.items():
                self.assertEqual(first.ask("PUT", path, body)[0], 201)
            delivered, waiting = place(first, "chai"), place(first, "piano")
            self.assertEqual(ended(first, delivered), "Delivered")
            under_review(first, waiting)
        status, answer = second.ask("POST", "/orders", order_of("ana", "chai", 1))
        self.assertEqual(status, 503, answer)
        self.assertNotEqual(first.enabled_rules(), second.enabled_rules())

        with partners(second):
            rules = first.enabled_rules()
            dry = failover(SECOND)
            self.assertIn(f"{SECOND} knows 2 orders.\n1 have not ended and go on\n    " + waiting, dry)
            self.assertIn("0 are lost", dry)
            interrupted_failover(SECOND)
            self.assertIn("was interrupted before it repaired any table", failover(FIRST))
            self.assertIn(f"{FIRST} is active again", failover(FIRST, "--yes"))
            status, answer = first.ask("PUT", "/customers/ana", LISTED["/customers/ana"])
            self.assertLess(status, 300, answer)
            interrupted_failover(SECOND)
            status, answer = second.ask("POST", "/orders", order_of("ana", "chai", 1))
            self.assertEqual(status, 503, f"no region is active during a takeover: {answer}")
            self.assertEqual(second.enabled_rules(), set())
            failover(SECOND, "--yes")
            self.assertEqual(second.enabled_rules(), rules)
            self.assertEqual(first.enabled_rules(), set())
            status, answer = first.ask("POST", "/orders", order_of("ana", "chai", 1))
            self.assertEqual(status, 503, answer)

            review = under_review(second, waiting)
            body = {"verdict": "approve", "handle": review["handle"]}
            status, answer = second.ask("POST", f"/reviews/{waiting}", body, second.reviewer)
            self.assertLess(status, 300, answer)
            self.assertEqual(ended(second, waiting), "Delivered")
            self.assertEqual(ended(second, place(second, "chai")), "Delivered")
            for order_id in (delivered, waiting):
                status, payment = second.ask("GET", f"/payments/{order_id}")
                self.assertEqual((status, payment["status"]), (200, "charged"))
            self._recalls_parcels_that_the_first_region_hands_in_afterwards()
        for name, left in (("chai", 37), ("piano", 1)):
            stocked = functools.partial(has_in_stock, name, left)
            wait_for(stocked, PATIENCE, f"{left} of {name} in stock and none reserved")

    def _recalls_parcels_that_the_first_region_hands_in_afterwards(self) -> None:
        known = place(second, "piano")
        under_review(second, known)
        address = {"name": "Ana", "street": "Street 1", "city": "Berlin", "country": "DE"}
        key, url = {"x-api-key": API_KEY}, f"http://127.0.0.1:{carrier}"
        for order_id in ("lost-order", known):
            parcel = {
                "order-id": order_id,
                "customer-id": "ana-carrier-silent",
                "lines": [{"sku": "chai", "name": "Chai", "quantity": 1}],
                "shipping-address": address,
                "deliver-by": "2030-01-01T00:00:00Z",
            }
            self.assertEqual(request("POST", f"{url}/deliveries", parcel, key)[0], 202)
        for options in ([], ["--yes"]):
            said = failover(SECOND, "--from", FIRST, *options)
            self.assertIn(f"{SECOND} is already active", said)
            self.assertIn("1 lost orders have a parcel, which is recalled", said)
            self.assertIn("lost-order", said)
            self.assertIn(f"1 orders have a parcel that only {FIRST} handed in", said)
            self.assertIn(known, said)
        self.assertEqual(ended(second, known), "Canceled")
        for order_id in ("lost-order", known):
            recall = {"order-id": order_id, "canceled-by": "order", "reason": "a second recall"}
            answer = request("POST", f"{url}/recalls", recall, key)
            self.assertEqual(answer, (200, {"order-id": order_id, "recalled": False}))


LISTED = {
    "/items/chai": {"name": "Chai", "price": 18, "stock": 39},
    "/items/piano": {"name": "Piano", "price": 4_000, "stock": 2},
    "/customers/ana": {"name": "Ana", "email": "ana@example.com"},
}


@contextlib.contextmanager
def partners(region: Region) -> Iterator[None]:
    """Runs the carrier, which calls the API of a region back; its data is kept for the next time."""
    command = [str(BINARIES / "chorus"), "partners", f"--port={carrier}"]
    command += [f"--webhook-url={region.outputs['ApiUrl']}/webhooks/logistics"]
    command += [f"--data={aws.folder / 'partners'}"]
    keys = {"CARRIER_API_KEY": API_KEY, "WEBHOOK_SECRET": WEBHOOK_SECRET}
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, env={**os.environ, **keys}, stdout=quiet, stderr=quiet)
    try:
        wait_for(lambda: is_listening(carrier), PATIENCE, "the carrier")
        yield
    finally:
        child.terminate()
        child.wait(10)


def command(to: str, *options: str) -> tuple[list[str], dict[str, str]]:
    """The command and its environment."""
    call = [str(BINARIES / "chorus"), "failover", f"--stack={STACK}", f"--to={to}"]
    call += [f"--carrier=http://127.0.0.1:{carrier}", *options]
    keys = {"CARRIER_API_KEY": API_KEY, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return call, {**os.environ, **keys, "AWS_REGION": to, "AWS_ENDPOINT_URL": aws.url}


def failover(to: str, *options: str) -> str:
    """Runs the command, which must succeed, and returns what it prints."""
    call, variables = command(to, *options)
    done = subprocess.run(
        call, env=variables, capture_output=True, text=True, timeout=FAILOVER_SECONDS, check=False
    )
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


def interrupted_failover(to: str) -> None:
    """Runs the command, and kills it as soon as it waits."""
    call, variables = command(to, "--yes")
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(call, env=variables, stdout=quiet, stderr=pipe, text=True) as child:
        said = next((line for line in child.stderr or () if "is fenced" in line), None)
        child.kill()
    if said is None:
        raise AssertionError("the command ended before it waited")


def place(region: Region, sku: str) -> str:
    """Places an order, and returns its id."""
    status, order = region.ask("POST", "/orders", order_of("ana", sku, 1))
    if status != 201:
        raise AssertionError(f"{status} {order}")
    return order["order-id"]


def ended(region: Region, order_id: str) -> str:
    """Waits until the order has ended, and returns its status."""

    def look() -> str | None:
        status = region.ask("GET", f"/orders/{order_id}")[1]["status"]
        return status if status != "Open" else None

    return wait_for(look, PATIENCE, f"the end of {order_id}")


def has_in_stock(name: str, left: int) -> bool:
    """Whether the second region has so many of the item, and none of it is reserved."""
    item = second.ask("GET", f"/items/{name}")[1]
    return (item["available"], item["reserved"]) == (left, 0)


def under_review(region: Region, order_id: str) -> dict[str, Any]:
    """Waits until a reviewer may decide about the order."""

    def look() -> dict[str, Any] | None:
        reviews = region.ask("GET", "/reviews?limit=100")[1]["reviews"]
        found = [it for it in reviews if it["order-id"] == order_id and it.get("handle")]
        return found[0] if found else None

    return wait_for(look, PATIENCE, f"the review of {order_id}")


if __name__ == "__main__":
    sentence_tests.main()

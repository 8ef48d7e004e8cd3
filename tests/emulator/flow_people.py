"""Customers who are forgotten."""

import json
import subprocess
import unittest
import uuid
from datetime import UTC, datetime

from canaries import key_of, places_of, table_of_keys
from deployed_operator import environment, operate
from deployed_shop import PATIENCE, another, ended, log, order_of, place, rest, shop
from shop_stack import BINARIES, wait_for

# The text in every field that is about a person, and customers whose orders end in several ways.
CANARIES = ("Xanthippe-Canary", "canary@nest.example", "Canary-Street", "Canarytown", "CNRY-1")
FORGETTABLE = ("nora", "nils-declined", "nina-carrier-cancels", "nele-mail-bounces")


class People(unittest.TestCase):
    def their_data_is_stored_nowhere_in_the_clear_and_who_is_forgotten_cannot_be_read(self) -> None:
        start = datetime.now(UTC).isoformat(timespec="seconds")
        placed = self._placed()
        letter = self._dead_letter(placed["nora"])
        rest()
        keys = {customer: key_of(customer) for customer in FORGETTABLE}
        self.assertNotIn(None, keys.values())
        self.assertEqual(places_of(CANARIES), set())
        self.assertEqual(places_of(keys.values()), {f"table {table_of_keys()}"})
        # The search finds texts that exist, in each kind of place.
        found = {place.split()[0] for place in places_of(placed.values())}
        self.assertEqual(found, {"table", "queue", "log", "execution"})

        shown = shop.ok("GET", f"/orders/{placed['nora']}")
        self.assertEqual(shown["shipping-address"]["street"], CANARIES[2])
        first, *others = FORGETTABLE
        self._forget_by_command(first)
        for customer in others:
            told = shop.ok("DELETE", f"/customers/{customer}")
            self.assertEqual(told["customer-id"], customer)
        rest()
        operate("replay", f"--from={start}", "--yes", "--json")
        rest()
        self.assertEqual(places_of(CANARIES), set())
        self.assertEqual(places_of(keys.values()), set())
        for customer, order_id in placed.items():
            with self.subTest(customer=customer):
                self._cannot_be_read(customer, order_id)
        sqs, url = shop.client("sqs"), shop.outputs["EventLogFailuresUrl"]
        kept = sqs.receive_message(QueueUrl=url)["Messages"][0]
        self.assertEqual(kept["MessageId"], letter)
        sqs.delete_message(QueueUrl=url, ReceiptHandle=kept["ReceiptHandle"])

    def _placed(self) -> dict[str, str]:
        """Places an order of each customer, waits until all have ended, and returns their ids."""
        shop.ok("PUT", "/items/zaanse", {"name": "Zaanse", "price": 9.5, "stock": 20})
        for customer in FORGETTABLE:
            kept = {"name": CANARIES[0], "email": CANARIES[1]}
            shop.ok("PUT", f"/customers/{customer}", kept)
        rest()
        placed = {}
        for customer in FORGETTABLE:
            order = order_of(customer, "zaanse", 1)
            fields = ("name", "street", "city", "postal-code")
            address = dict(zip(fields, (CANARIES[0], *CANARIES[2:]), strict=True))
            order["shipping-address"] |= address
            answer = shop.ok("POST", "/orders", order, key=uuid.uuid4().hex)
            placed[customer] = answer["order-id"]
        for order_id in placed.values():
            ended(order_id)
        return placed

    def _dead_letter(self, order_id: str) -> str:
        """Leaves an event of the order among the dead letters, and returns the letter's id."""
        event = log(order_id)[0]
        whole = {**another(event, "nora"), "detail": {k: event[k] for k in ("metadata", "data")}}
        sent = shop.client("sqs").send_message(
            QueueUrl=shop.outputs["EventLogFailuresUrl"], MessageBody=json.dumps(whole)
        )
        return sent["MessageId"]

    def _forget_by_command(self, customer: str) -> None:
        call = [str(BINARIES / "chorus"), "forget", customer, f"--url={shop.outputs['ApiUrl']}"]
        token = {"CHORUS_TOKEN": shop.token("sam", "staff")}
        for arguments, told in (([], "Nothing was changed"), (["--yes"], "Forgotten")):
            done = subprocess.run(
                [*call, *arguments],
                env=environment() | token,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            self.assertIn(told, done.stdout)

    def _cannot_be_read(self, customer: str, order_id: str) -> None:
        self.assertIsNone(key_of(customer))

        def is_unreadable() -> bool:
            return "shipping-address" not in shop.ok("GET", f"/orders/{order_id}")

        # A function may keep a key that it has read for a minute.
        wait_for(is_unreadable, 2 * PATIENCE, f"{customer} to be unreadable")
        self.assertEqual(shop.ask("GET", f"/customers/{customer}")[0], 404)
        self.assertEqual(shop.ok("GET", f"/orders/{order_id}")["customer-id"], customer)

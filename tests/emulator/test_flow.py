"""The flow on the emulator: the deployed template and the real binaries, called through the API.

Run with `scripts/emulator.sh test`, which builds the binaries, and stops the emulator in any case.
"""

import json
import os
import subprocess
import sys
import time
import unittest
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import sentence_tests
from canaries import key_of, places_of, table_of_keys
from deployed_operator import console, environment, operate
from deployed_shop import (
    MACHINES,
    PATIENCE,
    another,
    attribute,
    edges,
    ended,
    executions,
    handle_of,
    has_edges,
    invocations,
    lines,
    log,
    nothing_is_given_up,
    order_of,
    parcel_of,
    picture,
    place,
    put,
    rest,
    review,
    running,
    said,
    shop,
    take,
    token_behind,
    try_to_review,
    waiting_in,
    webhook,
    webhook_as_in_earlier_releases,
)
from front_end import FrontEnd, claims
from shop_stack import API_KEY, BINARIES, PASSWORD, STACK, WEBHOOK_SECRET, fill, request, wait_for

DEMO_SECONDS = 60
UNREACHABLE = "http://127.0.0.1:9"
# How many seconds a reviewer has to take an order up, and how many more to decide.
REVIEW_SECONDS, REVIEW_SLACK = 18, 2
REVIEW_LIMITS = {
    "ReviewHeartbeatSeconds": str(REVIEW_SECONDS),
    "ReviewTimeoutSeconds": str(REVIEW_SECONDS + REVIEW_SLACK),
}

# How many customers send a request at the same time.
AT_ONCE = 64

# The orders of `chorus demo`: customer, item, pieces.
STORIES = (
    ("ana", "chai", 2),
    ("berit", "tofu", 36),
    ("carlos-declined", "chai", 3),
    ("dora-carrier-cancels", "tofu", 1),
    ("emil-carrier-silent", "chai", 5),
    ("fatima", "samovar", 1),
    ("gustav", "samovar", 2),
)
CANCELED, APPROVED, UNSEEN = 4, 5, 6
OTHERS = ("frida-carrier-down", "gustav-mail-down", "hanna-carrier-flaky")

# The text in every field that is about a person, and customers whose orders end in several ways.
CANARIES = ("Xanthippe-Canary", "canary@nest.example", "Canary-Street", "Canarytown", "CNRY-1")
FORGETTABLE = ("nora", "nils-declined", "nina-carrier-cancels", "nele-mail-bounces")

embedded: dict[str, Any]
front_end: FrontEnd
orders: list[str] = []
# The time when all of them had been placed, and nothing else had been published.
all_placed: datetime


def setUpModule() -> None:
    """Deploys the shop and places the seven orders of the demo; the embedded shop gets the same."""
    global embedded, front_end, all_placed
    unittest.addModuleCleanup(shop.down, keep_log=bool(os.environ.get("EMULATOR_KEEP_LOG")))
    demo = [str(BINARIES / "chorus"), "demo", "--json"]
    told = subprocess.run(demo, capture_output=True, timeout=DEMO_SECONDS, check=True)
    embedded = json.loads(told.stdout)
    front_end = FrontEnd()
    unittest.addModuleCleanup(front_end.stop)
    shop.up(**REVIEW_LIMITS, FrontEndEndpoint=front_end.url)
    fill(shop)
    # The other tests use items of their own, so that they do not change the demo's stock.
    shop.ok("PUT", "/items/pavlova", {"name": "Pavlova", "price": 17.45, "stock": 29})
    shop.ok("PUT", "/items/blaye", {"name": "Côte de Blaye", "price": 263.5, "stock": 17})
    shop.ok("PUT", "/items/samovar", {"name": "Samovar", "price": 1250, "stock": 3})
    for customer in (*(story[0] for story in STORIES), *OTHERS):
        name = customer.split("-")[0]
        shop.ok("PUT", f"/customers/{customer}", {"name": name, "email": f"{name}@example.com"})
    rest()
    orders.extend(place(*story) for story in STORIES)
    all_placed = datetime.now(UTC)
    review(orders[APPROVED], "approve", handle_of(orders[APPROVED]))
    parcel_of(orders[CANCELED])
    shop.ok("POST", f"/orders/{orders[CANCELED]}/cancel", {"reason": "changed my mind"})


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

    def an_order_of_high_value_is_charged_once_a_reviewer_has_approved_it(self) -> None:
        self._ends(5, "Delivered", None)
        self._paid(5, charged=1250, refunded=0)

    def an_order_that_nobody_reviews_in_time_is_undone(self) -> None:
        reason = "the payment failed: no reviewer took the order up in time"
        self._ends(6, "Canceled", reason)
        self._paid(6, charged=0, refunded=0)

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
        """Checks that the order ended like this, and that its events and their causes are the
        embedded run's."""
        order = ended(orders[number])
        self.assertEqual(order["status"], status, order)
        if reason:
            self.assertEqual(order["reason"], reason)
        expected = edges(embedded["stories"][number]["events"])
        has_edges(self, orders[number], expected)

    def _paid(self, number: int, *, charged: float, refunded: float) -> None:
        payment = shop.ok("GET", f"/payments/{orders[number]}")
        self.assertEqual((payment["charged"], payment["refunded"]), (charged, refunded), payment)


class Callers(unittest.TestCase):
    def without_a_token_or_with_a_broken_one_nothing_is_answered(self) -> None:
        for path in (f"/orders/{orders[0]}", "/items/chai", "/analytics", "/reviews"):
            for token in ("", "nonsense"):
                with self.subTest(path=path, token=token):
                    self.assertEqual(shop.ask("GET", path, token=token)[0], 401)
        price = {"name": "Chai", "price": 0.01, "stock": 39}
        self.assertEqual(shop.ask("PUT", "/items/chai", price, token="")[0], 401)

    def a_customer_is_answered_what_is_theirs_and_nothing_else(self) -> None:
        ana, berit = shop.token("ana"), shop.token("berit")
        order = f"/orders/{orders[0]}"
        self.assertEqual(shop.ask("GET", order, token=ana)[0], 200)
        self.assertEqual(shop.ask("GET", order, token=berit)[0], 404)
        self.assertEqual(shop.ask("POST", f"{order}/cancel", {}, token=berit)[0], 404)
        address = {"name": "Berit", "email": "berit@example.com"}
        self.assertEqual(shop.ask("PUT", "/customers/ana", address, token=berit)[0], 404)
        price = {"name": "Chai", "price": 0.01, "stock": 39}
        self.assertEqual(shop.ask("PUT", "/items/chai", price, token=berit)[0], 403)
        self.assertEqual(shop.ask("GET", "/analytics", token=berit)[0], 403)

    def only_a_reviewer_reviews(self) -> None:
        path = f"/reviews/{orders[APPROVED]}"
        self.assertEqual(shop.ask("GET", path, token=shop.token("sam", "staff"))[0], 403)
        status, told = shop.ask("GET", path, token=shop.token("rita", "reviewer"))
        self.assertEqual((status, told["reviewer"]), (200, "maria"))


    def a_key_that_somebody_used_before_is_free_and_tells_no_id(self) -> None:
        body = order_of("ana", "pavlova", 1)
        placed = []
        for customer in ("ana", "uma"):
            token = shop.token(customer)
            if customer == "uma":
                kept = {"name": "Uma", "email": "uma@example.com"}
                self.assertEqual(shop.ask("PUT", "/customers/uma", kept, token=token)[0], 201)
            body["customer-id"] = customer
            status, answer = shop.ask("POST", "/orders", body, key="2026-11-29", token=token)
            self.assertEqual(status, 201, answer)
            placed.append(answer["order-id"])
        self.assertNotEqual(*placed)
        body["customer-id"] = "ana"
        foreign = shop.ask("POST", "/orders", body, key="another", token=shop.token("uma"))
        self.assertEqual(foreign[0], 404, "an order in somebody else's name")
        for order_id in placed:
            self.assertEqual(ended(order_id)["status"], "Delivered")

    def nobody_approves_an_order_of_their_own(self) -> None:
        shop.ok("PUT", "/customers/vera", {"name": "Vera", "email": "vera@example.com"})
        rest()
        order_id = place("vera", "blaye", 4)
        handle = handle_of(order_id)
        body = {"verdict": "approve", "handle": handle}
        path = f"/reviews/{order_id}"
        self.assertEqual(shop.ask("POST", path, body, token=shop.token("vera"))[0], 403)
        as_reviewer = shop.token("vera", "reviewer")
        self.assertEqual(shop.ask("POST", path, body, token=as_reviewer)[0], 409)
        named = {**body, "reviewer": "maria"}
        self.assertEqual(shop.ask("POST", path, named, token=as_reviewer)[0], 422)
        shop.ok("POST", f"/orders/{order_id}/cancel", {"reason": "only a test"})
        self.assertEqual(ended(order_id)["status"], "Canceled")

    def a_form_of_another_page_reaches_nothing_without_a_token(self) -> None:
        form = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
        price = {"name": "Chai", "price": 0.01, "stock": 39}
        address = shop.outputs["ApiUrl"] + "/items/chai"
        self.assertEqual(request("PUT", address, price, form)[0], 401)

    def the_command_prints_one_token_of_the_stacks_user_pool(self) -> None:
        secret = {"CHORUS_PASSWORD": PASSWORD}
        made = operate("token", "--reviewer=wilma", "--create", variables=secret)
        self.assertEqual(len(made.split()), 1, "a token and nothing else")
        again = operate("token", "--reviewer=wilma", variables=secret).strip()
        self.assertEqual(shop.ask("GET", "/reviews", token=again)[0], 200)
        self.assertEqual(shop.ask("GET", "/analytics", token=again)[0], 200)
        price = {"name": "Chai", "price": 0.01, "stock": 39}
        self.assertEqual(shop.ask("PUT", "/items/chai", price, token=again)[0], 403)
        for arguments, variables, why in (
            (("--staff",), secret, "UserNotFoundException"),
            (("--operator=wilma",), secret, "is not in the group operator"),
            (("--customer=wilma",), secret, "is not a customer"),
            (("--reviewer=wilma",), {"CHORUS_PASSWORD": "another-Password-1"}, "NotAuthorized"),
            (("--reviewer=wilma",), {}, "CHORUS_PASSWORD"),
        ):
            with self.subTest(arguments=arguments), self.assertRaisesRegex(AssertionError, why):
                operate("token", *arguments, variables=variables)


class Ids(unittest.TestCase):
    def one_that_is_guessed_is_answered_as_one_of_somebody_else(self) -> None:
        berit = shop.token("berit")
        foreign = orders[0]
        last = format((int(foreign[-1], 16) + 1) % 16, "x")
        for path in ("/orders/{}", "/orders/{}/events", "/payments/{}", "/deliveries/{}"):
            theirs = shop.ask("GET", path.format(foreign), token=berit)
            self.assertEqual(theirs[0], 404)
            for guess in (foreign[:-1] + last, uuid.uuid4().hex[:20], "1", "10248"):
                with self.subTest(path=path, guess=guess):
                    status, answer = shop.ask("GET", path.format(guess), token=berit)
                    self.assertEqual(status, 404)
                    told = json.dumps(answer).replace(guess, foreign)
                    self.assertEqual(json.loads(told), theirs[1])
                    self.assertEqual(shop.ask("GET", path.format(guess), token="")[0], 401)
        cancel = shop.ask("POST", f"/orders/{uuid.uuid4().hex[:20]}/cancel", {}, token=berit)
        self.assertEqual(cancel[0], 404)
        for customer in ("ana", "guessed"):
            for path in (f"/customers/{customer}", f"/customers/{customer}/export"):
                self.assertEqual(shop.ask("GET", path, token=berit)[0], 404)
            self.assertEqual(shop.ask("DELETE", f"/customers/{customer}", token=berit)[0], 404)


class WhoeverIsForgotten(unittest.TestCase):
    """Named so that it runs last: its replay delivers again the events that other tests made fail on purpose."""

    def what_is_said_about_them_stands_nowhere_and_who_is_forgotten_cannot_be_read(self) -> None:
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
        operate("replay", "--from=1h", "--yes", "--json")
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
        """An order of each customer, which has ended."""
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


class Sweeper(unittest.TestCase):
    def a_forged_record_is_reported_and_not_published(self) -> None:
        tables = shop.client("dynamodb").list_tables()["TableNames"]
        table = next(name for name in tables if "IdempotencyTable" in name)
        key = {"pk": {"S": uuid.uuid4().hex}, "sk": {"S": "ReserveItem"}}
        story = uuid.uuid4().hex
        made = another(log(orders[0])[0], "ana")
        made["detail"]["metadata"]["correlation-id"] = story
        entry = {"source": "com.payments", "detail-type": "PaymentMade"}
        events = [{**entry, "detail": json.dumps(made["detail"])}]
        record = {
            "unpublished": "0",
            "recorded-at": "2026-01-01T00:00:00.000000000Z",
            "fingerprint": "0",
            "events": json.dumps(events),
        }
        item = {**key, **{name: {"S": value} for name, value in record.items()}}
        shop.client("dynamodb").put_item(TableName=table, Item=item)
        try:
            swept = shop.client("lambda").invoke(
                FunctionName=f"{STACK}-sweeper", Payload=json.dumps({"sweep": True})
            )
            self.assertEqual(json.loads(swept["Payload"].read())["forged"], 1)
            self.assertIn("which ReserveItem never publishes", operate("doctor"))
            self.assertEqual(said(story), [])
        finally:
            shop.client("dynamodb").delete_item(TableName=table, Key=key)


class Reviews(unittest.TestCase):
    def one_that_is_taken_up_and_never_decided_is_undone(self) -> None:
        order_id = place("ana", "blaye", 4)
        handle = handle_of(order_id)
        crossed = try_to_review(orders[UNSEEN], "take", handle)
        self.assertEqual(crossed[0], 422, "the handle of another order")
        self.assertEqual(crossed[1]["errors"][0]["field"], "/handle")
        # Taken up so late, the next heartbeat is due only after the time to decide has passed.
        late = time.monotonic() + REVIEW_SLACK + 2
        wait_for(lambda: time.monotonic() > late, PATIENCE, "the reviewer")
        review(order_id, "take", handle)
        order = ended(order_id)
        self.assertEqual(order["status"], "Canceled")
        self.assertIn("no reviewer decided in time", order["reason"])
        wait_for(lambda: "ItemUnreserved" in said(order_id), PATIENCE, "the pieces' return")
        self.assertNotIn("PaymentMade", said(order_id))

    def an_answer_that_contradicts_the_first_is_refused(self) -> None:
        handle = shop.ok("GET", f"/reviews/{orders[APPROVED]}")["handle"]
        status, problem = try_to_review(orders[APPROVED], "decline", handle)
        self.assertEqual(status, 409, problem)
        self.assertIn("decided the other way", problem["detail"])

    def an_answer_after_the_end_is_refused(self) -> None:
        order_id = orders[UNSEEN]
        self.assertEqual(ended(order_id)["status"], "Canceled")

        def is_closed() -> bool:
            return shop.ok("GET", f"/reviews/{order_id}")["closed"]

        wait_for(is_closed, PATIENCE, "the end of the review")
        handle = shop.ok("GET", f"/reviews/{order_id}")["handle"]
        status, problem = try_to_review(order_id, "approve", handle)
        self.assertEqual(status, 409, problem)
        self.assertIn("was canceled before", problem["detail"])
        self.assertNotIn("PaymentMade", said(order_id))


class Contention(unittest.TestCase):
    def many_orders_for_one_item_at_once_sell_what_there_is_without_a_dead_letter(self) -> None:
        # The embedded shop has a thousand; the emulator needs about a second for each.
        wanted = int(os.environ.get("CHORUS_BURST", "30"))
        pieces = wanted * 2 // 3
        shop.ok("PUT", "/items/ikura", {"name": "Ikura", "price": 31, "stock": pieces})
        shop.ok("PUT", "/customers/iris", {"name": "Iris", "email": "iris@example.com"})
        rest()
        with ThreadPoolExecutor(min(wanted, AT_ONCE)) as customers:
            placed = list(customers.map(lambda _: place("iris", "ikura", 1), range(wanted)))
        patience = PATIENCE + 3 * wanted
        ends = Counter(ended(order_id, patience)["status"] for order_id in placed)
        self.assertEqual(ends, {"Delivered": pieces, "Canceled": wanted - pieces})
        item = shop.ok("GET", "/items/ikura")
        self.assertEqual((item["available"], item["reserved"]), (0, 0))
        nothing_is_given_up(self)


class Machines(unittest.TestCase):
    def each_order_has_one_execution_of_each_and_all_succeed(self) -> None:
        order_id = place("ana", "pavlova", 1)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        for machine in MACHINES:
            with self.subTest(machine=machine):
                wait_for(lambda: not running(machine), PATIENCE, f"the end of {machine}")
                ends = Counter(status for _, status in executions(machine))
                self.assertEqual(set(ends), {"SUCCEEDED"}, ends)

    def a_token_stays_in_the_table_of_its_domain(self) -> None:
        order_id = place("ana", "blaye", 4)
        handle = handle_of(order_id)
        token = token_behind(handle)
        shop.ok("POST", f"/orders/{order_id}/cancel", {"reason": "only a test"})
        self.assertEqual(ended(order_id)["status"], "Canceled")
        rest()
        outside = json.dumps([log(order_id), lines(), shop.ok("GET", f"/reviews/{order_id}")])
        self.assertIn(handle, outside)
        self.assertNotIn(token, outside)

    def the_carriers_word_counts_once_for_its_own_parcel_only(self) -> None:
        order_id = place("emil-carrier-silent", "pavlova", 1)
        other = place("emil-carrier-silent", "pavlova", 1)
        parcel, others = parcel_of(order_id), parcel_of(other)
        self.assertEqual(webhook(order_id, others, "Delivered")[0], 422)
        self.assertEqual(webhook(order_id, "no-such-handle", "Delivered")[0], 404)
        self.assertEqual(webhook(order_id, parcel, "Delivered")[0], 202)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        self.assertEqual(webhook(order_id, parcel, "DeliveryCanceled")[0], 409)
        self.assertEqual(webhook(order_id, parcel, "Delivered")[0], 202, "a repeat has its effect once")
        self.assertEqual(said(order_id).count("DeliveryWasDelivered"), 1)
        self.assertEqual(webhook(other, others, "DeliveryCanceled")[0], 202)
        self.assertEqual(ended(other)["status"], "Canceled")


class Webhooks(unittest.TestCase):
    def one_that_is_replayed_under_another_id_has_its_effect_once(self) -> None:
        order_id = place("emil-carrier-silent", "pavlova", 1)
        parcel = parcel_of(order_id)
        for _ in range(3):
            self.assertEqual(webhook(order_id, parcel, "DeliveryStarted")[0], 202)
        earlier = webhook_as_in_earlier_releases(order_id, parcel, "DeliveryStarted")
        self.assertEqual(earlier[0], 202, "a signature without an id is taken")
        self.assertEqual(webhook(order_id, parcel, "Delivered")[0], 202)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        self.assertEqual(said(order_id).count("DeliveryStarted"), 1)

    def a_rotation_leaves_both_secrets_valid_until_the_one_before_is_revoked(self) -> None:
        order_id = place("emil-carrier-silent", "pavlova", 1)
        parcel = parcel_of(order_id)
        first = operate("webhook", "secret").strip()
        self.assertEqual(first, WEBHOOK_SECRET)
        operate("webhook", "rotate")
        second = operate("webhook", "secret").strip()
        self.assertNotIn(second, (first, ""))

        def status(secret: str) -> int:
            return webhook(order_id, parcel, "DeliveryStarted", secret)[0]

        # A function that has just read the secret reads it again only after ten seconds.
        wait_for(lambda: status(second) == 202, PATIENCE, "the new secret")
        self.assertEqual(status(first), 202)
        self.assertEqual(status("a-webhook-secret-of-a-stranger"), 401)
        operate("webhook", "rotate", "--revoke")
        secrets, arn = shop.client("secretsmanager"), shop.outputs["WebhookSecretArn"]
        labels = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"].values()
        self.assertNotIn("AWSPREVIOUS", [label for of_one in labels for label in of_one])
        # The other tests' carrier still signs with the first secret.
        secrets.put_secret_value(SecretId=arn, SecretString=first)
        self.assertEqual(webhook(order_id, parcel, "Delivered")[0], 202)
        self.assertEqual(ended(order_id)["status"], "Delivered")


class Duplicates(unittest.TestCase):
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
        self.assertEqual(with_key[0], 400, "let in, and then rejected as no delivery")
        self._connect("a-wrong-key")
        try:
            order_id = place("ana", "pavlova", 2)
            self._is_canceled_and_refunded(order_id, 34.9)
            # The parcel cannot be recalled either: only an operator redrives that queue.
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
        expected = edges(embedded["stories"][4]["events"])
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
        for _, body in front_end.posted:
            self.assertEqual(sorted(body), ["order-id", "signed-update"])
            self.assertIsNone(claims(body["signed-update"], "the secret of somebody else"))
            told = json.dumps(claims(body["signed-update"], self._secret()))
            self.assertNotIn("Berlin", told)

    def _told(self, order_id: str, least: int) -> list[dict[str, Any]] | None:
        updates = front_end.updates(order_id, self._secret())
        return updates if len(updates) >= least else None

    def _secret(self) -> str:
        secrets = shop.client("secretsmanager")
        named = shop.outputs["FrontEndSigningSecretArn"]
        return secrets.get_secret_value(SecretId=named)["SecretString"]


class FailureQueues(unittest.TestCase):
    def what_a_function_failed_on_three_times_it_gets_again_and_the_order_ends(self) -> None:
        functions, name = shop.client("lambda"), f"{STACK}-customer"
        whole = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

        def configure(variables: dict[str, str]) -> None:
            environment = {"Variables": variables}
            functions.update_function_configuration(FunctionName=name, Environment=environment)

        configure({**whole, "AWS_ENDPOINT_URL_DYNAMODB": UNREACHABLE})
        try:
            order_id = place("ana", "pavlova", 1)
            redrive = shop.outputs["CustomerRedriveUrl"]
            wait_for(lambda: waiting_in(redrive), PATIENCE, "the event that failed")
            self.assertIn("CustomerRedrive", operate("doctor"))
            self.assertEqual(shop.ok("GET", f"/orders/{order_id}")["status"], "Open")
        finally:
            configure(whole)
        # The message is invisible for a minute at most.
        wait_for(lambda: not waiting_in(redrive), 2 * PATIENCE, "the event's next attempt")
        self.assertEqual(ended(order_id)["status"], "Delivered")
        has_edges(self, order_id, edges(embedded["stories"][0]["events"]))

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
        wait_for(lambda: said(key.hex), PATIENCE, "the nonsense in the log")

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
        self.assertEqual(said(story), [])
        others = json.loads(operate("dlq", "redrive", "--code", "NobodysCode", "--json", "--yes"))
        self.assertEqual(others, [])
        sent = operate(*redrive, "--yes")
        self.assertIn(target["FunctionArn"], sent, "looking at a letter does not hide it")
        deeds = json.loads(operate("dlq", "audit", "--json"))
        self.assertEqual([deed["outcome"]["sent"] for deed in deeds], [0, 1])
        self.assertEqual(deeds[1]["asked"]["code"], "TriedInVain")
        self.assertEqual(deeds[1]["outcome"]["letters"][0]["target"], target["FunctionArn"])
        wait_for(lambda: said(story) == ["OrderCreated"], PATIENCE, "the event in the log")
        self.assertEqual(waiting_in(shop.outputs["EventLogFailuresUrl"]), 0)

    def the_operators_command_replays_to_the_rule_it_names_and_nothing_happens_twice(self) -> None:
        rest()
        order, views, others = summary(orders[0]), invocations("order"), invocations("inventory")
        until = (all_placed + timedelta(seconds=1)).isoformat()
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
            for event in said(orders[APPROVED]):
                self.assertIn(event, journey)
            for machine in ("CollectPayment", "AwaitReview", "FulfilDelivery"):
                self.assertIn(f"/console/machines/{machine}?at=", journey)
            self.assertIn(orders[APPROVED], page("/console/orders"))
            self.assertIn("What the doctor finds", page("/console/work"))
            self.assertIn("ReserveItem", page("/console"))

    def the_doctor_reads_the_deployed_rules_and_they_are_the_tables(self) -> None:
        told = operate("doctor")
        self.assertIn("0 rules differ from the design table", told)
        self.assertIn("0 records are not published", told)

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
            wait_for(lambda: said(story) == ["EmailSent"], PATIENCE, f"the email of {story}")
        wait_for(lambda: waiting_in(queue) == 0, PATIENCE, "the end of the queue")
        kept = [line for line in lines("notification") if "the queue keeps" in line["message"]]
        self.assertEqual({line["code"] for line in kept}, {"Retryable.OutcomeUnknown"})
        self.assertEqual(len({line["message_id"] for line in kept}), 1, "only the one")


class RestoredTables(unittest.TestCase):
    def a_torn_transaction_is_found_and_undone_and_a_replay_has_its_order_end_once(self) -> None:
        began = datetime.now(UTC)
        order_id = place("emil-carrier-silent", "pavlova", 1)
        parcel = parcel_of(order_id)
        rest()
        stock = shop.ok("GET", "/items/pavlova")
        self._tear(order_id)
        restore = ("restore", f"--moment={datetime.now(UTC).isoformat()}", "--json")
        restore = (*restore, f"--replay-from={began.isoformat()}")
        told = json.loads(operate(*restore))
        self.assertTrue(told["dry-run"])
        torn = [(one["action"], one["next"]) for one in told["damage"]["torn"]]
        self.assertEqual(torn, [("RemoveItem", "replayed")])
        self.assertEqual([item["sku"] for item in told["damage"]["stock"]], ["pavlova"])
        self.assertEqual(json.loads(operate(*restore))["damage"], told["damage"], "nothing was changed")
        views = invocations("order")
        done = json.loads(operate(*restore, "--yes"))["done"]
        self.assertEqual([item["sku"] for item in done["corrected"]], ["pavlova"])
        wait_for(lambda: invocations("order") > views, PATIENCE, "the replay")
        rest()
        self.assertEqual(shop.ok("GET", "/items/pavlova"), stock, "the pieces are moved once")
        self.assertEqual(json.loads(operate(*restore))["damage"]["torn"], [])
        self.assertEqual(webhook(order_id, parcel, "Delivered")[0], 202)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        nothing_is_given_up(self)
        last = json.loads(operate("dlq", "audit", "--json"))[-1]
        self.assertEqual((last["what"], last["outcome"]["replay"]), ("restore", done["replay"]))

    def _tear(self, order_id: str) -> None:
        """Restores the order's reservation to its state before the items were removed."""
        functions = shop.client("lambda")
        found = functions.get_function_configuration(FunctionName=f"{STACK}-inventory")
        table = found["Environment"]["Variables"]["TABLE_INVENTORY"]
        shop.client("dynamodb").update_item(
            TableName=table,
            Key={"pk": {"S": f"order#{order_id}"}, "sk": {"S": "order"}},
            UpdateExpression="SET #status = :reserved, version = :first",
            ConditionExpression="version = :second",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":reserved": {"S": "reserved"},
                ":first": {"N": "1"},
                ":second": {"N": "2"},
            },
        )


def summary(order_id: str) -> dict[str, Any]:
    """An order in the form of the list of orders."""
    order = shop.ok("GET", f"/orders/{order_id}")
    listed = shop.ok("GET", f"/orders?customer-id={order['customer-id']}")["orders"]
    return next(one for one in listed if one["order-id"] == order_id)


if __name__ == "__main__":
    sentence_tests.main()

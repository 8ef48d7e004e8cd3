"""Who may call the deployed shop, by which names, keys and signatures."""

import json
import unittest
import uuid

from deployed_operator import operate
from deployed_shop import (
    PATIENCE,
    another,
    ended,
    event_names,
    handle_of,
    log,
    order_of,
    parcel_of,
    place,
    rest,
    shop,
    webhook,
    webhook_as_in_earlier_releases,
)
from flow import APPROVED, orders
from shop_stack import PASSWORD, STACK, WEBHOOK_SECRET, request, wait_for


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
        self.assertEqual((status, told["reviewer"]), (200, "rita"))


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
        self.assertEqual(shop.ask("POST", path, body)[0], 409, "Maria placed it for Vera")
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
            (("--customer=wilma",), secret, "a customer must not be in a group"),
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
        self.assertEqual(event_names(order_id).count("DeliveryStarted"), 1)

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
            self.assertEqual(event_names(story), [])
        finally:
            shop.client("dynamodb").delete_item(TableName=table, Key=key)

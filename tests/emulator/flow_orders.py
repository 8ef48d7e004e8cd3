"""How orders end, also if many are placed at once, and if every event comes twice."""

import json
import os
import time
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import flow
from deployed_shop import (
    MACHINES,
    PATIENCE,
    edges,
    ended,
    event_names,
    executions,
    handle_of,
    has_edges,
    invocations,
    lines,
    log,
    nothing_is_given_up,
    parcel_of,
    picture,
    place,
    put,
    rest,
    review,
    running,
    shop,
    token_behind,
    try_to_review,
    webhook,
)
from flow import APPROVED, REVIEW_SLACK, UNSEEN, orders
from shop_stack import wait_for

# How many customers send a request at the same time.
AT_ONCE = 64


class Stories(unittest.TestCase):
    def an_order_that_is_paid_is_delivered(self) -> None:
        self._ends(0, "Delivered", None)
        self._paid(0, charged=36, refunded=0)

    def an_item_that_is_not_available_cancels_the_order_before_anything_is_charged(self) -> None:
        self._ends(1, "Canceled", "not in stock: tofu")
        self.assertNotIn("PaymentMade", event_names(orders[1]))

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
        for expected in flow.embedded["books"]["items"]:
            item = shop.ok("GET", f"/items/{expected['sku']}")
            for place_of_pieces in ("available", "reserved"):
                with self.subTest(item=expected["sku"], pieces=place_of_pieces):
                    self.assertEqual(item[place_of_pieces], expected[place_of_pieces])

    def nothing_was_given_up(self) -> None:
        nothing_is_given_up(self)

    def _ends(self, number: int, status: str, reason: str | None) -> None:
        """Checks that the order ended like this, and that its events and their causes are the same
        as in the embedded shop."""
        order = ended(orders[number])
        self.assertEqual(order["status"], status, order)
        if reason:
            self.assertEqual(order["reason"], reason)
        expected = edges(flow.embedded["stories"][number]["events"])
        has_edges(self, orders[number], expected)

    def _paid(self, number: int, *, charged: float, refunded: float) -> None:
        payment = shop.ok("GET", f"/payments/{orders[number]}")
        self.assertEqual((payment["charged"], payment["refunded"]), (charged, refunded), payment)


class Reviews(unittest.TestCase):
    def one_that_is_taken_up_and_never_decided_is_undone(self) -> None:
        order_id = place("ana", "blaye", 4)
        handle = handle_of(order_id)
        crossed = try_to_review(orders[UNSEEN], "take", handle)
        self.assertEqual(crossed[0], 422, "the handle of another order")
        self.assertEqual(crossed[1]["errors"][0]["field"], "/handle")
        # The reviewer takes the order up so late that the next heartbeat is due only after the time to
        # decide has passed.
        late = time.monotonic() + REVIEW_SLACK + 2
        wait_for(lambda: time.monotonic() > late, PATIENCE, "the reviewer")
        review(order_id, "take", handle)
        order = ended(order_id)
        self.assertEqual(order["status"], "Canceled")
        self.assertIn("no reviewer decided in time", order["reason"])
        wait_for(lambda: "ItemUnreserved" in event_names(order_id), PATIENCE, "the pieces' return")
        self.assertNotIn("PaymentMade", event_names(order_id))

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
        self.assertNotIn("PaymentMade", event_names(order_id))


class Contention(unittest.TestCase):
    def many_orders_for_one_item_at_once_sell_what_there_is_without_a_dead_letter(self) -> None:
        # The embedded shop's test places a thousand orders; the emulator needs about a second for each.
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
        self.assertEqual(event_names(order_id).count("DeliveryWasDelivered"), 1)
        self.assertEqual(webhook(other, others, "DeliveryCanceled")[0], 202)
        self.assertEqual(ended(other)["status"], "Canceled")


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

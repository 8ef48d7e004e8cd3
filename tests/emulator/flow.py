"""The deployed shop with the orders of `chorus demo`, which the tests of the flow share."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from deployed_shop import handle_of, parcel_of, place, rest, review, shop
from front_end import FrontEnd
from shop_stack import BINARIES, fill

DEMO_SECONDS = 60
# How many seconds a reviewer has to take an order up, and how many more to decide.
REVIEW_SECONDS, REVIEW_SLACK = 18, 2
REVIEW_LIMITS = {
    "ReviewHeartbeatSeconds": str(REVIEW_SECONDS),
    "ReviewTimeoutSeconds": str(REVIEW_SECONDS + REVIEW_SLACK),
}

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

# The same orders in the embedded shop, as `chorus demo` prints them.
embedded: dict[str, Any]
front_end: FrontEnd
# The ids of the orders.
orders: list[str] = []
# The time when all these orders had been placed, and nothing else had been published.
all_placed: datetime


@contextmanager
def deployed() -> Iterator[None]:
    """Deploys the shop and places the seven orders of the demo; the embedded shop gets the same
    orders."""
    global embedded, front_end, all_placed
    demo = [str(BINARIES / "chorus"), "demo", "--json"]
    told = subprocess.run(demo, capture_output=True, timeout=DEMO_SECONDS, check=True)
    embedded = json.loads(told.stdout)
    front_end = FrontEnd()
    try:
        shop.up(**REVIEW_LIMITS, FrontEndEndpoint=front_end.url)
        _fill()
        orders.extend(place(*story) for story in STORIES)
        all_placed = datetime.now(UTC)
        review(orders[APPROVED], "approve", handle_of(orders[APPROVED]))
        parcel_of(orders[CANCELED])
        shop.ok("POST", f"/orders/{orders[CANCELED]}/cancel", {"reason": "changed my mind"})
        yield
    finally:
        front_end.stop()
        shop.down(keep_log=bool(os.environ.get("EMULATOR_KEEP_LOG")))


def _fill() -> None:
    """Lists the items, and stores the customers."""
    fill(shop)
    # The other tests use items of their own, so that they do not change the demo's stock.
    shop.ok("PUT", "/items/pavlova", {"name": "Pavlova", "price": 17.45, "stock": 29})
    shop.ok("PUT", "/items/blaye", {"name": "Côte de Blaye", "price": 263.5, "stock": 17})
    shop.ok("PUT", "/items/samovar", {"name": "Samovar", "price": 1250, "stock": 3})
    for customer in (*(story[0] for story in STORIES), *OTHERS):
        name = customer.split("-")[0]
        shop.ok("PUT", f"/customers/{customer}", {"name": name, "email": f"{name}@example.com"})
    rest()

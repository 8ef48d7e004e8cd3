#!/usr/bin/env python3
"""Tests the console in a browser. Run it with `scripts/console.sh`."""

import concurrent.futures
import contextlib
import datetime
import itertools
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

from browser import MISSING, Tab, browser, install

ROOT = pathlib.Path(__file__).resolve().parent.parent
AXE = ROOT / "tests/console/node_modules/axe-core/axe.min.js"
CHORUS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/chorus"
# The most bytes that a browser may load for one page.
MOST_BYTES = 150_000
# The most table rows that a page may have.
MOST_ROWS = 300
# The events per second that the map has to show, and how many seconds it may lag behind.
RATE, MOST_BEHIND = 200, 2
# The most bytes by which the memory of a page's scripts may grow between two measurements. Garbage is not
# always collected at once.
MOST_GROWTH = 500_000


class Shop:
    """A running shop."""

    def __init__(self, url: str) -> None:
        self.url, self.asked = url, itertools.count(1)

    def ask(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "idempotency-key": f"test-{next(self.asked)}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def order(self, customer: str, sku: str) -> str:
        """Places an order, and returns its id."""
        self.ask("PUT", f"/customers/{customer}", {"name": customer, "email": "a@example.com"})
        address = {"name": "A", "street": "Hauptstr. 1", "city": "Berlin", "country": "DE"}
        lines = [{"sku": sku, "quantity": 1}]
        order = {"customer-id": customer, "lines": lines, "shipping-address": address}
        return self.ask("POST", "/orders", order)["order-id"]

    def idle(self, seconds: float = 60) -> None:
        """Waits until all work in flight waits for a person or a partner."""
        deadline, settled = time.monotonic() + seconds, time.monotonic() + 1
        while self.ask("GET", "/operator/load")["in-flight"] or time.monotonic() < settled:
            if time.monotonic() > deadline:
                sys.exit(f"the shop is not idle after {seconds:.0f} seconds")
            time.sleep(0.1)


@contextlib.contextmanager
def serving(folder: str, *arguments: str) -> Iterator[Shop]:
    """Runs the shop in this folder within the `with` block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    up = [CHORUS.absolute(), "up", "--data", "shop", "--port", str(port), *arguments]
    process = subprocess.Popen(up, stdout=subprocess.DEVNULL, cwd=folder)
    shop = Shop(f"http://127.0.0.1:{port}")
    try:
        for _ in range(200):
            with contextlib.suppress(urllib.error.URLError):
                shop.ask("GET", "/openapi.json")
                break
            time.sleep(0.1)
        yield shop
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def running() -> Iterator[Shop]:
    """Runs a new shop with some items within the `with` block."""
    with tempfile.TemporaryDirectory() as data, serving(data) as shop:
        for sku, price in (("chai", 18), ("desk", 1800)):
            shop.ask("PUT", f"/items/{sku}", {"name": sku, "price": price, "stock": 5000})
        shop.idle()
        yield shop


@contextlib.contextmanager
def made_up_events() -> Iterator[Shop]:
    """Runs a console with made-up events within the `with` block."""
    program = CHORUS.parent / "examples/made_up_events"
    process = subprocess.Popen([program.absolute()], stdout=subprocess.PIPE, text=True)
    try:
        yield Shop(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait(timeout=30)


def ok(what: str) -> None:
    print(f"ok: {what}")


def click(tab: Tab, label: str) -> None:
    """Clicks the first button labelled `label`, and waits for the next page."""
    pressed = tab.run(f"""(() => {{
        const button = [...document.querySelectorAll("button")].find((it) =>
            (it.ariaLabel ?? it.textContent).startsWith({json.dumps(label)}));
        window.leaving = true;
        button?.click();
        return Boolean(button);
    }})()""")
    if not pressed:
        sys.exit(f"no button is called {label}: {tab.text()}")
    tab.until("!window.leaving && document.readyState === 'complete'", f"left by {label}")


def says(text: str) -> str:
    return f"document.body.innerText.includes({json.dumps(text)})"


def an_order_is_placed_and_seen_delivered(tab: Tab, shop: Shop) -> None:
    tab.open(f"{shop.url}/console/try")
    click(tab, "Place the order")
    tab.run("window.stayed = true")
    tab.until("document.getElementById('status').textContent === 'Delivered'", "at its end")
    if not tab.run("window.stayed === true"):
        sys.exit("the page was loaded anew")
    ok("an order is placed and seen delivered without a reload")


def a_review_is_approved(tab: Tab, shop: Shop) -> None:
    tab.open(f"{shop.url}/console/work")
    order = shop.order("rosa", "desk")
    tab.until(says("Approve"), "showing the review without a reload")
    tab.open(f"{shop.url}/console/orders/{order}")
    tab.until("[...document.images].some((it) => it.alt.includes('it is in AskReviewer')"
              " && it.naturalWidth > 100)", "showing the state of the machine")
    tab.open(f"{shop.url}/console/work")
    click(tab, "Approve")
    tab.until(says("No order waits for a review"), "without the review")
    tab.open(f"{shop.url}/console/orders/{order}")
    tab.until("document.getElementById('status').textContent === 'Delivered'", "at its end")
    ok("a machine's current state is seen, and a review approved")


def a_dead_letter_is_redriven(tab: Tab, shop: Shop) -> None:
    order = shop.order("carrier-refuses-recall", "chai")
    tab.open(f"{shop.url}/console/orders/{order}")
    tab.until(says("DeliveryStarted") + "||" + says("waits in MarkDelivery"), "at the carrier")
    shop.ask("POST", f"/orders/{order}/cancel", {})
    tab.open(f"{shop.url}/console/work")
    tab.until(says("Send again"), "showing the dead letter")
    click(tab, "Count what would be sent")
    tab.until(says("1 would be sent"), "showing how many would be sent")
    click(tab, "Send all of them again")
    tab.until(says("There are no dead letters"), "without the dead letter")
    ok("a dead letter is redriven, after a dry run")


def the_map_keeps_up_and_does_not_grow(tab: Tab, shop: Shop) -> None:
    tab.open(f"{shop.url}/console")
    count = "Number(document.querySelector('#event-OrderCreated .count').textContent)"
    before, nodes = tab.run(count), tab.run("document.getElementsByTagName('*').length")
    for number in range(60):
        shop.order(f"customer-{number}", "chai")
        if tab.run("document.getElementById('moving').childElementCount") > 60:
            sys.exit("more moves on the map than can be told apart")
    tab.until(f"{count} === {before + 60}", "counting every order")
    tab.until(f"document.getElementsByTagName('*').length === {nodes}", "as large as before")
    ok("the map counts every event without a reload, and is as large as before")


def size(tab: Tab) -> tuple[int, int]:
    """The page's number of nodes, and the bytes used by its scripts, after garbage collection."""
    tab.call("HeapProfiler.collectGarbage")
    nodes = tab.call("Memory.getDOMCounters")["nodes"]
    return nodes, tab.call("Runtime.getHeapUsage")["usedSize"]


def busy_map(tab: Tab, seconds: int) -> dict:
    """Measures the map during RATE events per second: the most events by which it lags behind, its
    largest number of elements, and its growth from a third of the time to the end."""
    shown = ("[...document.querySelectorAll('.map .event .count')]"
             ".reduce((all, it) => all + Number(it.textContent), 0)")
    with made_up_events() as maker:
        tab.open(f"{maker.url}/console")
        at_rest = tab.run("document.getElementsByTagName('*').length")
        events, begun = RATE * seconds, time.monotonic()
        request = urllib.request.Request(f"{maker.url}/made-up?events={events}&rate={RATE}", b"")
        urllib.request.urlopen(request, timeout=30).close()
        behind, most, early = 0, 0, None
        while time.monotonic() < begun + seconds:
            with urllib.request.urlopen(f"{maker.url}/made-up", timeout=30) as answer:
                made = int(answer.read())
            behind = max(behind, made - tab.run(shown))
            most = max(most, tab.run("document.getElementsByTagName('*').length"))
            if early is None and time.monotonic() > begun + seconds / 3:
                early = size(tab)
            time.sleep(0.25)
        tab.until(f"{shown} === {events}", "counting every event")
        tab.until(f"document.getElementsByTagName('*').length === {at_rest}", "as large as before")
        late = size(tab)
        # The page must not receive the remaining events.
        tab.call("Page.navigate", url="about:blank")
        tab.until("location.href === 'about:blank'", "left")
    return {"events": events, "behind": behind, "elements": (at_rest, most),
            "nodes": (early[0], late[0]), "heap": (early[1], late[1])}


def the_map_keeps_up_with_a_busy_shop(tab: Tab) -> None:
    seen = busy_map(tab, 12)
    if seen["behind"] > MOST_BEHIND * RATE:
        sys.exit(f"the map is {seen['behind']} events behind")
    at_rest, most = seen["elements"]
    # A moving dot has two elements, and at most sixty dots move at once.
    if most > at_rest + 2 * 60 + 10:
        sys.exit(f"the page has {most} elements while events come, and {at_rest} before")
    does_not_grow(seen, "the map")
    ok(f"the map keeps up with {RATE} events a second, at most {seen['behind']} behind, and does not grow")


def does_not_grow(seen: dict, what: str) -> None:
    (nodes, more_nodes), (heap, more_heap) = seen["nodes"], seen["heap"]
    if more_nodes > nodes + 200 or more_heap > heap + MOST_GROWTH:
        sys.exit(f"{what} grows from {nodes} nodes and {heap} bytes to {more_nodes} and {more_heap}")


def followed_list(tab: Tab, shop: Shop, orders: int) -> dict:
    """Measures the open list of orders after `orders` orders, and again after twice that number."""
    tab.open(f"{shop.url}/console/orders")
    sizes = []
    for part in range(2):
        for number in range(orders):
            order = shop.order(f"follower-{part}-{number}", "chai")
            tab.until(says(order), "showing a new order without a reload")
        shop.idle()
        time.sleep(2)
        sizes.append(size(tab))
    (nodes, heap), (more_nodes, more_heap) = sizes
    return {"nodes": (nodes, more_nodes), "heap": (heap, more_heap)}


def a_list_that_is_left_open_does_not_grow(tab: Tab, shop: Shop) -> None:
    for number in range(50):
        shop.order(f"filler-{number}", "chai")
    does_not_grow(followed_list(tab, shop, 5), "the list of orders")
    ok("the list of orders shows new ones without a reload, and does not grow")


def violations(tab: Tab) -> list:
    """The accessibility rules that axe finds violated on the page, each with some elements."""
    return json.loads(tab.run(
        "axe.run().then(({ violations }) => JSON.stringify(violations.map("
        "({ id, nodes }) => [id, nodes.map(({ html }) => html).slice(0, 3)])))"))


def everybody_can_read_every_page(tab: Tab, shop: Shop, order: str) -> None:
    axe = AXE.read_text()
    pages = ["", "/events/OrderCreated", "/orders", f"/orders/{order}", "/work", "/books", "/try"]
    for page in pages:
        for width, dark in ((1280, False), (1280, True), (360, False)):
            tab.look(width, dark)
            tab.open(f"{shop.url}/console{page}")
            wide = tab.run("document.documentElement.scrollWidth")
            if wide > width:
                sys.exit(f"/console{page} is {wide} wide at {width}")
            tab.run(axe)
            if found := violations(tab):
                sys.exit(f"/console{page} at {width}{' dark' if dark else ''}: {found}")
        rows = tab.run("document.querySelectorAll('tr').length")
        if rows > MOST_ROWS:
            sys.exit(f"/console{page} holds {rows} rows")
        loaded = tab.run("[...performance.getEntriesByType('resource'),"
                         " ...performance.getEntriesByType('navigation')]"
                         ".reduce((all, it) => all + it.decodedBodySize, 0)")
        if loaded > MOST_BYTES:
            sys.exit(f"/console{page} loads {loaded} bytes")
    tab.run("document.querySelector('main').append(new Image())")
    if [found[0] for found in violations(tab)] != ["image-alt"]:
        sys.exit("axe does not find a picture without words")
    tab.look(1280)
    ok(f"axe finds nothing on {len(pages)} pages: wide, narrow, light and dark")


def test() -> None:
    install()
    if browser() is None:
        print(f"skipped: {MISSING}")
        return
    with running() as shop, Tab() as tab:
        tab.look(1280)
        an_order_is_placed_and_seen_delivered(tab, shop)
        a_review_is_approved(tab, shop)
        a_dead_letter_is_redriven(tab, shop)
        the_map_keeps_up_and_does_not_grow(tab, shop)
        a_list_that_is_left_open_does_not_grow(tab, shop)
        the_map_keeps_up_with_a_busy_shop(tab)
        everybody_can_read_every_page(tab, shop, waiting(shop))
        if tab.complaints:
            sys.exit(f"the browser complains: {tab.complaints}")
        ok("the browser complains about nothing")


def waiting(shop: Shop) -> str:
    """Places an order that waits for the carrier; also makes dead letters and a pending review."""
    shop.order("rosa", "desk")
    shop.order("refund-refused-carrier-cancels", "chai")
    canceled = shop.order("carrier-refuses-recall-once-more", "chai")
    shop.idle()
    shop.ask("POST", f"/orders/{canceled}/cancel", {})
    order = shop.order("carrier-down", "chai")
    shop.idle()
    return order


def median(answered: Callable[[], object]) -> float:
    """The median time of a hundred calls, in milliseconds."""
    took = []
    for _ in range(100):
        begun = time.perf_counter()
        answered()
        took.append(time.perf_counter() - begun)
    return 1_000 * statistics.median(took)


def figures(orders: int = 2_000) -> None:
    """Prints how long a page of many orders takes, and how a page that stays open grows."""
    filters = {
        "no filter": "", "by state": "&status=Delivered", "by customer": "&customer-id=customer-7",
        "by time": f"&from={datetime.date.today()}",
        "by customer and state": "&customer-id=customer-7&status=Delivered",
    }
    with tempfile.TemporaryDirectory() as data, serving(data) as shop:
        shop.ask("PUT", "/items/chai", {"name": "chai", "price": 18, "stock": 5000})
        shop.idle()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            # Each request has an idempotency key of its own, so several may be sent at the same time.
            list(pool.map(lambda n: shop.order(f"customer-{n % 20}", "chai"), range(orders)))
        shop.idle(1_200)
        for name, query in filters.items():
            took = median(lambda query=query: shop.ask("GET", f"/orders?limit=50{query}"))
            print(f"a page of 50 of {orders} orders, {name}: {took:.1f} ms")
        page = f"{shop.url}/console/orders"
        took = median(lambda: urllib.request.urlopen(page, timeout=30).read())
        print(f"the console's page of 50: {took:.1f} ms")
    with Tab() as tab:
        tab.look(1280)
        print(f"the map: {busy_map(tab, 60)}")


def pictures() -> None:
    install()
    if browser() is None:
        sys.exit(MISSING)
    with running() as shop, Tab() as tab:
        order = waiting(shop)
        for number in range(20):
            shop.order(f"customer-{number}", "chai")
        shop.idle()
        tab.look(1200)
        for name, page, height in (("flow", "", 1400), ("order", f"/orders/{order}", 1400)):
            tab.open(f"{shop.url}/console{page}")
            (ROOT / f"docs/console-{name}.png").write_bytes(tab.picture(height))


if __name__ == "__main__":
    {"test": test, "pictures": pictures, "figures": figures}[sys.argv[1]]()

"""What one delivered order costs, as the deployed functions themselves log it.

Run with `make cost`. Every function logs at the end of an invocation how many requests it had for
DynamoDB, and what capacity DynamoDB says that they took.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import emulator
import test_flow as flow
from shop_stack import ShopStack, fill

# What the talk's demo does as well: it has no letters, no counts and no list of orders.
BEYOND = ("SendEmail", "CountOrder", "ProjectOrder", "LearnContact")
LETTERS = "EmailSent"


@dataclass
class Cost:
    """What the invocations of one step took."""

    invocations: int = 0
    requests: int = 0
    reads: float = 0
    writes: float = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.invocations + other.invocations,
            self.requests + other.requests,
            self.reads + other.reads,
            self.writes + other.writes,
        )


def main() -> None:
    """Has one order delivered, and prints what it took."""
    flow.shop = shop = ShopStack(int(os.environ.get("EMULATOR_PORT", emulator.DEFAULT_PORT)))
    shop.up()
    fill(shop)
    flow.rest()
    before = {line["span"]["request_id"] for line in endings()}
    order_id = flow.place("ana", "chai", 2)
    flow.wait_for(lambda: events_of(order_id).count(LETTERS) == 3, flow.PATIENCE, "three letters")
    flow.rest()
    events = events_of(order_id)
    report(costs(before), events)


def events_of(order_id: str) -> list[str]:
    """What the bus carried for the order. Looking is an invocation too, but no step of it."""
    return flow.said(order_id)


def endings() -> Iterator[dict[str, Any]]:
    """The last line of every invocation."""
    return (line for line in flow.lines() if line["message"] == "invocation done")


def costs(before: set[str]) -> dict[str, Cost]:
    """The cost of each step since."""
    lines = flow.lines()
    step_of = {}
    for line in lines:
        request = line.get("span", {}).get("request_id")
        if "action" in line:
            step_of[request] = line["action"]
        elif line["message"].endswith("was answered"):
            step_of[request] = line["message"].removesuffix(" was answered")
    found: dict[str, Cost] = defaultdict(Cost)
    for line in lines:
        request = line.get("span", {}).get("request_id")
        if line["message"] == "invocation done" and request not in before:
            step = step_of.get(request, line["span"].get("kind", "?"))
            if not step.startswith("GET ") and step != "sweep":
                took = Cost(1, line["store_requests"], line["read_units"], line["write_units"])
                found[step] += took
    return found


def report(found: dict[str, Cost], events: list[str]) -> None:
    """Prints the steps, and two sums: what the talk's demo does as well, and everything."""
    row("step", ["invocations", "requests", "read units", "write units"])
    for step, cost in found.items():
        row(step, cells(cost))
    letters = events.count(LETTERS)
    logged = found["RecordEvent"]
    # Of the events in the log, those that the demo has as well.
    share = (len(events) - letters) / len(events)
    same = sum((cost for step, cost in found.items() if step not in (*BEYOND, "RecordEvent")), Cost())
    same += Cost(
        round(logged.invocations * share),
        round(logged.requests * share),
        logged.reads * share,
        logged.writes * share,
    )
    everything = sum(found.values(), Cost())
    row("what the demo does too", cells(same))
    row("everything", cells(everything))
    print(f"bus events: {len(events) - letters} of the story, {letters} {LETTERS}")
    edges = sum(step.startswith(("POST ", "PUT ")) for step in found) + 1
    print(f"an event: {everything.requests / len(events):.1f} requests, "
          f"{everything.writes / len(events):.1f} write units")


def cells(cost: Cost) -> list[str]:
    """A cost in the columns of the table."""
    return [str(cost.invocations), str(cost.requests), f"{cost.reads:g}", f"{cost.writes:g}"]


def row(name: str, columns: list[str]) -> None:
    """One line of the table."""
    print(f"{name:<28}" + "".join(f"{column:>13}" for column in columns))


if __name__ == "__main__":
    main()

"""What one delivered order costs, as the deployed functions themselves log it.

Run with `make cost`. Every function logs at the end of an invocation how many requests it had for
DynamoDB, and the capacity that DynamoDB reports for them.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import deployed_shop as flow
from shop_stack import fill, wait_for

# Steps that the original talk's demo does not have: the demo has no emails, no counts and no list
# of orders.
BEYOND = ("SendEmail", "CountOrder", "ProjectOrder", "LearnContact")
EMAIL_SENT = "EmailSent"


@dataclass
class Cost:
    """The consumption of the invocations of one step."""

    invocations: int = 0
    requests: int = 0
    reads: float = 0
    writes: float = 0
    logged: int = 0  # bytes

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(sum(both) for both in zip(astuple(self), astuple(other), strict=True)))


def main() -> None:
    """Runs one order until it is delivered, and prints its consumption."""
    flow.shop.up()
    fill(flow.shop)
    flow.rest()
    before = {line["span"]["request_id"] for line in endings()}
    order_id = flow.place("ana", "chai", 2)
    # Reading the order's events causes invocations, too; `costs` leaves these out.
    wait_for(lambda: flow.event_names(order_id).count(EMAIL_SENT) == 3, flow.PATIENCE, "three emails")
    flow.rest()
    report(costs(before), flow.event_names(order_id))


def endings() -> Iterator[dict[str, Any]]:
    """The last line of every invocation."""
    return (line for line in flow.lines() if line["message"] == "invocation done")


def costs(before: set[str]) -> dict[str, Cost]:
    """The cost of each step since the invocations in `before`."""
    lines = flow.lines()
    step_of, logged = {}, defaultdict(int)
    for line in lines:
        request = line.get("span", {}).get("request_id")
        logged[request] += len(json.dumps(line))
        if "action" in line.get("span", {}):
            step_of[request] = line["span"]["action"]
    found: dict[str, Cost] = defaultdict(Cost)
    for line in lines:
        request = line.get("span", {}).get("request_id")
        if line["message"] == "invocation done" and request not in before:
            step = step_of.get(request, "?")
            if not step.startswith("GET ") and step != "sweep":
                used = (line["requests"], line["reads"], line["writes"])
                found[step] += Cost(1, *used, logged[request])
    return found


def report(found: dict[str, Cost], events: list[str]) -> None:
    """Prints the steps, and two sums: of the steps that the original talk's demo has as well, and of all steps."""
    row("step", ["invocations", "requests", "read units", "write units"])
    for step, cost in found.items():
        row(step, cells(cost))
    emails = events.count(EMAIL_SENT)
    logged = found["RecordEvent"]
    # The fraction of the events that the original demo would log as well.
    share = (len(events) - emails) / len(events)
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
    asked = sum(cost.invocations for step, cost in found.items() if step.startswith("POST "))
    print(f"bus events: {len(events) - emails} of the story, {emails} {EMAIL_SENT}")
    print(f"edge calls: {asked} to the API, 1 to the carrier")
    print(f"logs: {everything.logged / 1000:.1f} KB, without Lambda's own lines")
    requests, writes = everything.requests / len(events), everything.writes / len(events)
    print(f"an event: {requests:.1f} requests, {writes:.1f} write units")


def cells(cost: Cost) -> list[str]:
    """A cost in the columns of the table."""
    return [str(cost.invocations), str(cost.requests), f"{cost.reads:g}", f"{cost.writes:g}"]


def row(name: str, columns: list[str]) -> None:
    """One line of the table."""
    print(f"{name:<28}" + "".join(f"{column:>13}" for column in columns))


if __name__ == "__main__":
    main()

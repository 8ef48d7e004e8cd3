"""Buses of other accounts. Such a bus gets an event that is put or forwarded there if the bus's
policy admits the event's account."""

import json
from typing import Any

from ministack.core import iam_evaluator, responses
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

from ministack_launcher import delivery, hooks, machine_roles
from ministack_launcher.delivery import DeliveryFailed
from ministack_launcher.hooks import HookPoint
from ministack_launcher.iam_conditions import put_events_context

HOOK_POINTS = (
    *machine_roles.HOOK_POINTS,
    HookPoint(eventbridge.__name__, "_put_events", ("data", "allow_aws_source")),
    HookPoint(eventbridge.__name__, "_dispatch_event", ("event", "view")),
    HookPoint(eventbridge.__name__, "_archive_event", ("event", "view")),
    HookPoint(eventbridge.__name__, "_event_buses"),
    HookPoint(eventbridge.__name__, "_event_bus_policies"),
    HookPoint(eventbridge.__name__, "_now_ts", ()),
    HookPoint(eventbridge.__name__, "new_uuid", ()),
    HookPoint(responses.__name__, "request_scope", ("account_id", "region")),
    HookPoint(provisioners.__name__, "_RESOURCE_HANDLERS"),
    HookPoint(
        iam_evaluator.__name__,
        "evaluate_resource_policy",
        ("doc", "ctx", "service", "named_only", "direct_only"),
    ),
)

BUS_POLICY = "AWS::Events::EventBusPolicy"

Properties = dict[str, Any]
Entry = dict[str, Any]

_put_events = eventbridge._put_events


def install() -> None:
    """Replaces PutEvents, and registers the type of a bus's policy. `rule_targets` calls `forward`."""
    hooks.replace(eventbridge, "_put_events", put_events)
    provisioners._RESOURCE_HANDLERS[BUS_POLICY] = {
        "create": create_policy,
        "update": update_policy,
        "delete": delete_policy,
    }


def put_events(data: dict[str, Any], allow_aws_source: bool = False) -> Any:
    """Calls MiniStack's function for entries that are for buses of the caller's account. Puts the
    other entries on the buses that they name, or refuses the request if one of these buses does not
    admit the caller."""
    entries = data.get("Entries", [])
    foreign = {bus_of(entry) for entry in entries if is_foreign(bus_of(entry))}
    if not foreign:
        return _put_events(data, allow_aws_source)
    sender = responses.get_account_id()
    for bus in foreign:
        if not admits(bus, sender, [entry for entry in entries if bus_of(entry) == bus]):
            message = (
                f"User: arn:aws:iam::{sender}:root is not authorized to perform: events:PutEvents on resource: "
                f"{bus} because no resource-based policy allows the events:PutEvents action"
            )
            return responses.error_response_json("AccessDeniedException", message, 400)
    results: list[dict[str, Any]] = []
    for entry in entries:
        if is_foreign(bus_of(entry)):
            results.append({"EventId": accept(bus_of(entry), record(entry, sender))})
        else:
            _, _, body = _put_events({"Entries": [entry]}, allow_aws_source)
            results += json.loads(body)["Entries"]
    failed = sum("ErrorCode" in result for result in results)
    return responses.json_response({"FailedEntryCount": failed, "Entries": results})


def forward(bus: str, event: dict[str, Any], role: str) -> None:
    """Forwards an event of this account's bus to the bus of another account, with a rule's role."""
    context = {"events:source": event.get("Source"), "events:detail-type": event.get("DetailType")}
    if not role or not machine_roles.role_allows(role, "events:PutEvents", bus, context):
        message = f"the role {role or '(none)'} does not allow events:PutEvents on {bus}"
        raise DeliveryFailed(delivery.NO_PERMISSIONS, message)
    # The bus has to admit the account of the rule. The event keeps the account that it came from.
    if not admits(bus, responses.get_account_id(), [event]):
        message = f"the policy of {bus} does not admit the account {responses.get_account_id()}"
        raise DeliveryFailed(delivery.NO_PERMISSIONS, message)
    accept(bus, event)


def admits(bus: str, account: str, entries: list[Entry]) -> bool:
    """Whether the policy of a bus lets this account put these entries there."""
    owner, region, name = place(bus)
    with responses.request_scope(owner, region):
        policy = eventbridge._event_bus_policies.get(name)
    asked = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{account}:root",
        principal_type="Root",
        principal_account=account,
        action="events:PutEvents",
        resource_arn=bus,
        region=region,
        service_context=put_events_context(json.dumps({"Entries": entries}, default=str).encode()),
    )
    return iam_evaluator.evaluate_resource_policy(policy, asked).decision == "Allow"


def accept(bus: str, event: dict[str, Any]) -> str:
    """Puts an event on a bus of another account, where the rules of that account see it; returns its id."""
    owner, region, name = place(bus)
    accepted = {**event, "EventBusName": name, "Region": region}
    accepted.pop("_DispatchPath", None)
    with responses.request_scope(owner, region):
        eventbridge._dispatch_event(accepted)
        eventbridge._archive_event(accepted)
    return accepted["EventId"]


def record(entry: Entry, sender: str) -> dict[str, Any]:
    """An entry of PutEvents as MiniStack stores it, with the account of the sender."""
    return {
        "EventId": eventbridge.new_uuid(),
        "Source": entry.get("Source", ""),
        "DetailType": entry.get("DetailType", ""),
        "Detail": entry.get("Detail", "{}"),
        "Time": int(eventbridge._now_ts()),
        "Resources": entry.get("Resources", []),
        "Account": sender,
    }


def bus_of(entry: Entry) -> str:
    """The name or ARN of the bus that an entry is for."""
    return entry.get("EventBusName") or "default"


def is_foreign(bus: str) -> bool:
    """Whether this is the ARN of a bus that another account has."""
    if not bus.startswith("arn:") or ":event-bus/" not in bus:
        return False
    owner, region, name = place(bus)
    with responses.request_scope(owner, region):
        exists = name in eventbridge._event_buses
    return owner != responses.get_account_id() and exists


def place(bus: str) -> tuple[str, str, str]:
    """The account, the region and the name in a bus's ARN."""
    _, _, _, region, owner, resource = bus.split(":", 5)
    return owner, region, resource.removeprefix("event-bus/")


def create_policy(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, dict]:
    """Adds a statement to the policy of a bus, in place of a statement with the same id."""
    bus, sid = properties.get("EventBusName", "default"), properties["StatementId"]
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    kept = [one for one in policy["Statement"] if one.get("Sid") != sid]
    statement = {**properties["Statement"], "Sid": sid}
    eventbridge._event_bus_policies[bus] = {**policy, "Statement": [*kept, statement]}
    return f"{bus}|{sid}", {}


def update_policy(
    physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str | None = None
) -> tuple[str, dict]:
    """Replaces a statement."""
    delete_policy(physical_id, old)
    return create_policy("", new, stack)


def delete_policy(physical_id: str, _properties: Properties) -> None:
    """Removes a statement. If the statement does not exist any more, this is no failure."""
    bus, _, sid = physical_id.rpartition("|")
    policy = eventbridge._event_bus_policies.get(bus)
    if policy:
        kept = [one for one in policy["Statement"] if one.get("Sid") != sid]
        eventbridge._event_bus_policies[bus] = {**policy, "Statement": kept}

"""Replays of an archive: only the rules that the replay names receive its events."""

from typing import Any

from ministack.services import eventbridge

from ministack_launcher import hooks
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    HookPoint(eventbridge.__name__, "_invoke_target", ("target", "event", "rule", "view")),
    HookPoint(eventbridge.__name__, "_replays"),
)


def install() -> None:
    """Puts the filter in front of the function that now delivers to a rule's targets."""
    deliver = eventbridge._invoke_target

    def invoke_target(target: dict, event: dict, rule: dict, view: Any = None) -> None:
        if addressed_to(rule, event):
            deliver(target, event, rule, view)

    hooks.replace(eventbridge, "_invoke_target", invoke_target)


def addressed_to(rule: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether this event is for this rule; a replayed event may be for some rules only."""
    name = event.get("ReplayName")
    record = eventbridge._replays.get(name) if name else None
    wanted = ((record or {}).get("Destination") or {}).get("FilterArns")
    return not wanted or rule.get("Arn") in wanted

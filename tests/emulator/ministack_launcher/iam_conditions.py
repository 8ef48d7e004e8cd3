"""PutEvents under IAM: the condition keys that limit a role to its own sources and detail types."""

import json
from typing import Any

from ministack.core import iam_actions

from ministack_launcher import hooks
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    HookPoint(
        iam_actions.__name__, "request_tag_context", ("service", "iam_action", "body", "params")
    ),
)

_request_tag_context = iam_actions.request_tag_context


def install() -> None:
    """Adds our keys to the context under which MiniStack authorizes every request."""
    hooks.replace(iam_actions, "request_tag_context", request_context)


def request_context(service: str, iam_action: str, body: bytes, params: dict) -> dict[str, Any]:
    """MiniStack's condition keys of a request, and those of PutEvents."""
    context = _request_tag_context(service, iam_action, body, params)
    if iam_action == "events:PutEvents":
        context = {**context, **put_events_context(body)}
    return context


def put_events_context(body: bytes) -> dict[str, str | list[str]]:
    """The source and detail type of the entries; several values satisfy only a set operator."""
    try:
        entries = json.loads(body).get("Entries", [])
    except (ValueError, AttributeError):
        return {}
    context: dict[str, str | list[str]] = {}
    for key, member in (("events:source", "Source"), ("events:detail-type", "DetailType")):
        values = sorted({str(entry[member]) for entry in entries if member in entry})
        if values:
            context[key] = values[0] if len(values) == 1 else values
    return context

"""A state machine under IAM: its own role must allow what it calls."""

import contextvars
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

from ministack_launcher.hooks import HookPoint
from ministack_launcher.iam_conditions import put_events_context

HOOK_POINTS = (
    HookPoint(stepfunctions.__name__, "_state_machines"),
    HookPoint(stepfunctions.__name__, "_ExecutionError", ("error", "cause")),
    HookPoint(iam_evaluator.__name__, "EvalContext"),
    HookPoint(iam_evaluator.__name__, "evaluate", ("ctx", "policies", "limits")),
    HookPoint(iam_evaluator.__name__, "_gather_role_policies", ("role_name", "account_id")),
)

# The state machine whose task this thread runs.
_machine: contextvars.ContextVar[str | None] = contextvars.ContextVar("machine", default=None)


@contextmanager
def acting_for(machine_arn: str) -> Iterator[None]:
    """Attributes the calls within the `with` block to this state machine."""
    before = _machine.set(machine_arn)
    try:
        yield
    finally:
        _machine.reset(before)


def require_invoke(function: str) -> None:
    """Fails the task unless the role may invoke the function, given by name or ARN."""
    place = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function"
    require("lambda:InvokeFunction", function if ":" in function else f"{place}:{function}", {})


def require_start(machine_arn: str) -> None:
    """Fails the task unless the role may start this state machine."""
    require("states:StartExecution", machine_arn, {})


def require_put(entries: list[dict[str, Any]]) -> None:
    """Fails the task unless the role may put all entries on their buses."""
    place = f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus"
    for bus in {entry.get("EventBusName", "default") for entry in entries}:
        own = [entry for entry in entries if entry.get("EventBusName", "default") == bus]
        context = put_events_context(json.dumps({"Entries": own}).encode())
        require("events:PutEvents", bus if ":" in bus else f"{place}/{bus}", context)


def require(action: str, resource: str, context: dict[str, Any]) -> None:
    """Fails the task unless the role of the current state machine allows the action."""
    machine = stepfunctions._state_machines.get(_machine.get())
    if machine is None or role_allows(machine["roleArn"], action, resource, context):
        return
    cause = f"{machine['roleArn']} is not authorized to perform: {action} on resource: {resource}"
    raise stepfunctions._ExecutionError("States.Permissions", cause)


def role_allows(role: str, action: str, resource: str, context: dict[str, Any]) -> bool:
    """Whether a role of this account allows the action; everything is allowed where IAM is off."""
    # Imported only after the hooks are installed, because the module refers to functions that the
    # hooks replace.
    from ministack.app import AUTH

    if not AUTH:
        return True
    account = get_account_id()
    policies = iam_evaluator._gather_role_policies(role.rsplit("/", 1)[-1], account)
    asked = iam_evaluator.EvalContext(
        principal_arn=role,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={key.lower(): value for key, value in context.items()},
    )
    return iam_evaluator.evaluate(asked, policies).decision == "Allow"

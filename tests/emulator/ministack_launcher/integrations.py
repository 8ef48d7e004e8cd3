"""The calls of a state machine to the bus and to other state machines, with their own rules."""

import json
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

from ministack_launcher import hooks, machine_roles
from ministack_launcher.event_clock import time_scale
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    *machine_roles.HOOK_POINTS,
    HookPoint(
        stepfunctions.__name__, "_invoke_nested_start_execution_sync", ("resource", "input_data")
    ),
    HookPoint(stepfunctions.__name__, "_nested_start_execution_request", ("input_data",)),
    HookPoint(stepfunctions.__name__, "_invoke_events_put_events", ("resource", "input_data")),
    HookPoint(stepfunctions.__name__, "_SERVICE_DISPATCH"),
    HookPoint(stepfunctions.__name__, "_SFN_WAIT_SCALE"),
    HookPoint(stepfunctions.__name__, "_executions"),
    HookPoint(stepfunctions.__name__, "_state_machines"),
    HookPoint(stepfunctions.__name__, "_ExecutionError", ("error", "cause")),
)

PUT_EVENTS = "arn:aws:states:::events:putEvents"

_invoke_nested_start_execution_sync = stepfunctions._invoke_nested_start_execution_sync
_invoke_events_put_events = stepfunctions._invoke_events_put_events


def install() -> None:
    """Replaces both integrations, and makes retries of state machines run at the scaled pace."""
    stepfunctions._SFN_WAIT_SCALE = time_scale()
    hooks.replace(stepfunctions, "_invoke_nested_start_execution_sync", run_to_its_end)
    hooks.replace(stepfunctions, "_invoke_events_put_events", put_events)
    stepfunctions._SERVICE_DISPATCH[PUT_EVENTS] = put_events


def run_to_its_end(resource: str, input_data: dict[str, Any]) -> Any:
    """Replaces MiniStack's function, which would start a second execution under a name that is
    taken."""
    request = stepfunctions._nested_start_execution_request(input_data)
    arn = request["stateMachineArn"]
    if arn not in stepfunctions._state_machines:
        error = "StepFunctions.StateMachineDoesNotExistException"
        raise stepfunctions._ExecutionError(error, f"there is no state machine {arn}")
    machine_roles.require_start(arn)
    machine = stepfunctions._state_machines[arn]["name"]
    place = f"arn:aws:states:{get_region()}:{get_account_id()}"
    execution = f"{place}:execution:{machine}:{request.get('name')}"
    if execution in stepfunctions._executions:
        error = "StepFunctions.ExecutionAlreadyExistsException"
        raise stepfunctions._ExecutionError(error, f"Execution Already Exists: '{execution}'")
    return _invoke_nested_start_execution_sync(resource, input_data)


def put_events(resource: str, input_data: dict[str, Any]) -> Any:
    """Extends MiniStack's function: a detail may be an object, and a refused entry fails the
    task."""
    entries = [as_text(entry) for entry in input_data.get("Entries", [])]
    machine_roles.require_put(entries)
    answer = _invoke_events_put_events(resource, {**input_data, "Entries": entries})
    if answer.get("FailedEntryCount"):
        raise stepfunctions._ExecutionError("EventBridge.FailedEntry", json.dumps(answer))
    return answer


def as_text(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry whose detail is a text, as PutEvents requires."""
    detail = entry.get("Detail", {})
    return {**entry, "Detail": detail if isinstance(detail, str) else json.dumps(detail)}

"""Tasks that wait for a callback with their token: timeouts, a single answer, and the permission to send it."""

import contextvars
import threading
import time
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

from ministack_launcher import hooks, machine_roles
from ministack_launcher.event_clock import in_background
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    *machine_roles.HOOK_POINTS,
    HookPoint(
        stepfunctions.__name__,
        "_invoke_with_callback",
        ("resource", "input_data", "token", "state_def"),
    ),
    HookPoint(stepfunctions.__name__, "_call_lambda", ("func_ref", "event")),
    HookPoint(
        stepfunctions.__name__, "_execute_task", ("state_def", "raw_input", "execution", "ctx")
    ),
    HookPoint(stepfunctions.__name__, "_apply_parameters", ("state_def", "data", "ctx")),
    HookPoint(stepfunctions.__name__, "_resolve_path_or_ctx", ("path", "data", "ctx")),
    HookPoint(stepfunctions.__name__, "_send_task_success", ("data",)),
    HookPoint(stepfunctions.__name__, "_send_task_failure", ("data",)),
    HookPoint(stepfunctions.__name__, "_send_task_heartbeat", ("data",)),
    HookPoint(stepfunctions.__name__, "_task_tokens"),
    HookPoint(stepfunctions.__name__, "_ExecutionError", ("error", "cause")),
    HookPoint(stepfunctions.__name__, "new_uuid", ()),
    HookPoint(
        iam_actions.__name__,
        "extract_resource_arn",
        ("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
    ),
    HookPoint(iam_actions.__name__, "_safe_json_field", ("body", "field")),
)

_invoke_with_callback = stepfunctions._invoke_with_callback
_call_lambda = stepfunctions._call_lambda
_execute_task = stepfunctions._execute_task
_apply_parameters = stepfunctions._apply_parameters
_extract_resource_arn = iam_actions.extract_resource_arn
_awaited_token: contextvars.ContextVar[str | None] = contextvars.ContextVar("token", default=None)

CALLBACK = ".waitForTaskToken"
# The state machine of each token ever issued: a policy allows answers by state machine.
_machines: dict[str, str] = {}
# Held while a task is answered or times out, so that only the first of these counts.
_answering = threading.Lock()


def install() -> None:
    """Replaces the calls of functions whose tasks wait, and the answers to these tasks."""
    hooks.replace(stepfunctions, "_execute_task", execute_task)
    hooks.replace(stepfunctions, "_apply_parameters", apply_parameters)
    hooks.replace(stepfunctions, "_invoke_with_callback", invoke_with_callback)
    hooks.replace(stepfunctions, "_call_lambda", call_lambda)
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        hooks.replace(stepfunctions, name, only_while_waiting(getattr(stepfunctions, name)))
    hooks.replace(iam_actions, "extract_resource_arn", resource_arn)


def execute_task(state_def: dict, raw_input: Any, execution: dict, ctx: dict) -> Any:
    """Calls MiniStack's function for this state machine, with timeouts that the state takes from
    its input."""
    limits = {}
    for field in ("TimeoutSeconds", "HeartbeatSeconds"):
        if path := state_def.get(f"{field}Path"):
            limits[field] = stepfunctions._resolve_path_or_ctx(path, raw_input, ctx)
            if not isinstance(limits[field], int):
                cause = f"{field}Path leads to {limits[field]!r}, which is not a number of seconds"
                raise stepfunctions._ExecutionError("States.Runtime", cause)
    with machine_roles.acting_for(ctx["StateMachine"]["Id"]):
        return _execute_task({**state_def, **limits}, raw_input, execution, ctx)


def apply_parameters(state_def: dict, data: Any, ctx: dict | None = None) -> Any:
    """Calls MiniStack's function with a new token for each attempt of a task."""
    if ctx and CALLBACK in state_def.get("Resource", ""):
        ctx["Task"] = {"Token": stepfunctions.new_uuid()}
        _machines[ctx["Task"]["Token"]] = ctx["StateMachine"]["Id"]
    return _apply_parameters(state_def, data, ctx)


def invoke_with_callback(resource: str, input_data: Any, token: str, state_def: dict) -> Any:
    """Calls MiniStack's function, which ignores the called function's error and knows no
    heartbeat."""
    reset = _awaited_token.set(token)
    if seconds := state_def.get("HeartbeatSeconds"):
        in_background(watch, token, seconds)
    try:
        return _invoke_with_callback(resource, input_data, token, state_def)
    finally:
        _awaited_token.reset(reset)


def watch(token: str, seconds: float) -> None:
    """Fails the task that waits with this token if no heartbeat came for `seconds`."""
    waiting = wait_until_known(token)
    since = time.monotonic()
    while waiting and not waiting["event"].wait(max(0.0, since + seconds - time.monotonic())):
        if waiting.get("beat_at", since) <= since:
            fail(token, "States.HeartbeatTimeout", f"no heartbeat within {seconds} seconds")
            return
        since = waiting["beat_at"]


def wait_until_known(token: str) -> dict[str, Any] | None:
    """Waits until MiniStack has registered a token, and returns its entry."""
    for _ in range(100):
        if waiting := stepfunctions._task_tokens.get(token):
            return waiting
        time.sleep(0.01)
    return None


def call_lambda(func_ref: str, event: Any) -> Any:
    """Calls a function; its failure also fails the task that waits with the token."""
    try:
        machine_roles.require_invoke(func_ref)
        return _call_lambda(func_ref, event)
    except stepfunctions._ExecutionError as failure:
        fail(_awaited_token.get(), failure.error, failure.cause)
        raise


def fail(token: str | None, error: str, cause: str) -> None:
    """Fails the task that waits with this token, if there is one."""
    with _answering:
        waiting = stepfunctions._task_tokens.get(token)
        if waiting and not waiting["event"].is_set():
            waiting["error"] = {"Error": error, "Cause": cause}
            waiting["event"].set()


def only_while_waiting(send: Any) -> Any:
    """Replaces the function of an answer or of a heartbeat. A task accepts it only while it waits,
    and accepts only one answer."""

    def send_task(data: dict[str, Any]) -> Any:
        token = data.get("taskToken")
        if token not in _machines and token not in stepfunctions._task_tokens:
            return error_response_json("InvalidToken", "Invalid token", 400)
        with _answering:
            waiting = stepfunctions._task_tokens.get(token)
            if not waiting or waiting["event"].is_set():
                message = "Task Timed Out: 'Provided task does not exist anymore'"
                return error_response_json("TaskTimedOut", message, 400)
            waiting["beat_at"] = time.monotonic()
            return send(data)

    return send_task


def resource_arn(
    service: str, method: str, path: str, headers: dict, body: bytes, *rest: Any, **named: Any
) -> str:
    """Calls MiniStack's function; for an answer to a task, returns the task's state machine."""
    if service == "states" and (token := iam_actions._safe_json_field(body, "taskToken")):
        return _machines.get(token, "*")
    return _extract_resource_arn(service, method, path, headers, body, *rest, **named)

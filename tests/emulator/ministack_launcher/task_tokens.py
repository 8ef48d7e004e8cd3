"""A task that waits for its token fails at once when the function it called fails."""

import contextvars
from typing import Any

from ministack.services import stepfunctions

from ministack_launcher import hooks
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    HookPoint(
        stepfunctions.__name__,
        "_invoke_with_callback",
        ("resource", "input_data", "token", "state_def"),
    ),
    HookPoint(stepfunctions.__name__, "_call_lambda", ("func_ref", "event")),
    HookPoint(stepfunctions.__name__, "_task_tokens"),
    HookPoint(stepfunctions.__name__, "_ExecutionError", ("error", "cause")),
)

_invoke_with_callback = stepfunctions._invoke_with_callback
_call_lambda = stepfunctions._call_lambda
_awaited_token: contextvars.ContextVar[str | None] = contextvars.ContextVar("token", default=None)


def install() -> None:
    """Replaces the call of a function, and remembers which token is waited for."""
    hooks.replace(stepfunctions, "_invoke_with_callback", invoke_with_callback)
    hooks.replace(stepfunctions, "_call_lambda", call_lambda)


def invoke_with_callback(resource: str, input_data: Any, token: str, state_def: dict) -> Any:
    """MiniStack's own, which swallows the function's error and waits for the time-out."""
    reset = _awaited_token.set(token)
    try:
        return _invoke_with_callback(resource, input_data, token, state_def)
    finally:
        _awaited_token.reset(reset)


def call_lambda(func_ref: str, event: Any) -> Any:
    """Calls a function; its failure is also the answer to the token that waits for it."""
    try:
        return _call_lambda(func_ref, event)
    except stepfunctions._ExecutionError as failure:
        waiting = stepfunctions._task_tokens.get(_awaited_token.get())
        if waiting:
            waiting["error"] = {"Error": failure.error, "Cause": failure.cause}
            waiting["event"].set()
        raise

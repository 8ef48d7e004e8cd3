"""Rule targets inside AWS: an event that cannot be delivered goes to the rule's dead-letter
queue."""

import json
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import eventbridge, lambda_svc, stepfunctions

from ministack_launcher import cross_account, delivery, hooks, queues
from ministack_launcher.delivery import DeliveryFailed
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    *delivery.HOOK_POINTS,
    *queues.HOOK_POINTS,
    HookPoint(eventbridge.__name__, "_event_buses"),
    HookPoint(eventbridge.__name__, "_dispatch_to_lambda", ("arn", "payload")),
    HookPoint(eventbridge.__name__, "_dispatch_to_sqs", ("spec", "payload", "sqs_parameters")),
    HookPoint(eventbridge.__name__, "_dispatch_to_stepfunctions", ("arn", "payload")),
    HookPoint(
        eventbridge.__name__,
        "_dispatch_to_event_bus",
        ("spec", "event", "rule", "event_path", "target_input_payload"),
    ),
    HookPoint(lambda_svc.__name__, "_get_func_record_for_ref", ("function_ref",)),
    HookPoint(lambda_svc.__name__, "invoke_async_with_retry", ("func", "event")),
    HookPoint(stepfunctions.__name__, "_resolve_state_machine_arn"),
    HookPoint(stepfunctions.__name__, "_start_execution"),
)

_dispatch_to_event_bus = eventbridge._dispatch_to_event_bus


def install() -> None:
    """Replaces the dispatcher of each kind of target."""
    hooks.replace(eventbridge, "_invoke_target", delivery.invoke_target)
    hooks.replace(eventbridge, "_dispatch_to_lambda", dispatch_to_lambda)
    hooks.replace(eventbridge, "_dispatch_to_sqs", dispatch_to_sqs)
    hooks.replace(eventbridge, "_dispatch_to_stepfunctions", dispatch_to_state_machine)
    hooks.replace(eventbridge, "_dispatch_to_event_bus", dispatch_to_event_bus)


def dispatch_to_lambda(arn: str, payload: str) -> None:
    """Queues an asynchronous invocation; from then on, Lambda's retries and destinations apply."""
    running = delivery.current()

    def attempt() -> None:
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            raise DeliveryFailed(delivery.NO_RESOURCE, f"the function {name} does not exist")
        require_invoke_permission(function, config, running.rule_arn)
        lambda_svc.invoke_async_with_retry({**function, "config": config}, as_json(payload))

    running.attempt_now(attempt)


def as_json(payload: str) -> Any:
    """The payload as the function receives it; Lambda accepts only JSON."""
    try:
        return json.loads(payload)
    except ValueError as error:
        raise DeliveryFailed(delivery.INVALID_JSON, f"the payload is not JSON: {error}") from error


def require_invoke_permission(function: dict, config: dict, rule_arn: str) -> None:
    """Raises unless the function's policy allows this rule to invoke it; schedules use a role
    instead."""
    if ":rule/" not in rule_arn:
        return
    arn = config["FunctionArn"]
    if not queues.allows(function.get("policy"), "lambda:InvokeFunction", arn, rule_arn):
        message = f"the policy of {arn} does not allow {rule_arn} to invoke it"
        raise DeliveryFailed(delivery.NO_PERMISSIONS, message)


def dispatch_to_sqs(spec: Any, payload: str, sqs_parameters: dict | None = None) -> None:
    """Sends to a queue that permits it, with the message group of the target: a constant, or a path
    in the event. A FIFO queue needs one."""
    running = delivery.current()
    queue_arn = str(spec)

    def attempt() -> None:
        group_id = group_of((sqs_parameters or {}).get("MessageGroupId"), payload)
        try:
            if ":rule/" in running.rule_arn:
                queues.require_permission(queue_arn, running.rule_arn)
            queues.send(queue_arn, payload, group_id=group_id)
        except queues.QueueMissing as error:
            raise DeliveryFailed(delivery.NO_RESOURCE, str(error)) from error
        except queues.NotPermitted as error:
            raise DeliveryFailed(delivery.NO_PERMISSIONS, str(error)) from error
        except queues.Refused as error:
            raise DeliveryFailed(delivery.INVALID_PARAMETER, str(error)) from error

    running.attempt_now(attempt)


def group_of(group_id: str | None, event: str) -> str | None:
    """Returns the message group itself or, for a path, the text at this path of the event.
    MiniStack itself would use the path as the group."""
    if not group_id or not group_id.startswith("$."):
        return group_id
    value = as_json(event)
    for name in group_id.removeprefix("$.").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def dispatch_to_state_machine(arn: str, payload: str) -> None:
    """Starts an execution of a state machine that exists."""

    def attempt() -> None:
        if stepfunctions._resolve_state_machine_arn(arn) is None:
            raise DeliveryFailed(delivery.NO_RESOURCE, f"the state machine {arn} does not exist")
        status, _, body = stepfunctions._start_execution({"stateMachineArn": arn, "input": payload})
        if status >= 400:
            raise DeliveryFailed(delivery.INVALID_PARAMETER, f"StartExecution answered {body!r}")

    delivery.current().attempt_now(attempt)


def dispatch_to_event_bus(
    spec: Any, event: dict, rule: dict, event_path: Any, target_input_payload: Any = None
) -> None:
    """Forwards to another bus of this account, or to a bus that admits this account."""
    bus, running = spec.resource.removeprefix("event-bus/"), delivery.current()

    def attempt() -> None:
        if spec.account_id != get_account_id():
            return cross_account.forward(str(spec), event, running.role_arn)
        if bus not in eventbridge._event_buses:
            raise DeliveryFailed(delivery.NO_RESOURCE, f"the event bus {bus} does not exist")
        _dispatch_to_event_bus(spec, event, rule, event_path, target_input_payload)

    running.attempt_now(attempt)

"""Asynchronous invocations: Lambda's two retries, the event's age, and the failure destinations."""

import json
import logging
import os
import threading
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from ministack.services import lambda_svc

from ministack_launcher import hooks, queues
from ministack_launcher.event_clock import EventClock, in_background
from ministack_launcher.hooks import HookPoint

logger = logging.getLogger("ministack_launcher.async_invocation")

HOOK_POINTS = (
    *queues.HOOK_POINTS,
    HookPoint(lambda_svc.__name__, "invoke_async_with_retry", ("func", "event")),
    HookPoint(lambda_svc.__name__, "_execute_function", ("func", "event")),
    HookPoint(lambda_svc.__name__, "_event_invoke_config", ("func", "qualifier")),
    HookPoint(
        lambda_svc.__name__,
        "_run_with_function_config_scope",
        ("func_or_config", "callback", "args", "kwargs"),
    ),
    HookPoint(
        lambda_svc.__name__, "_route_async_failure", ("target_arn", "func_name", "event", "result")
    ),
)

DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 21_600
# Lambda waits one minute before the second attempt and two before the third.
FIRST_RETRY_SECONDS = 60.0
# A throttled event is retried with a growing delay; such a retry does not count.
FIRST_THROTTLE_SECONDS = 1.0
LONGEST_THROTTLE_SECONDS = 300.0

# MiniStack starts a process for every invocation that finds none idle, without a limit, so a burst
# of events would start a burst of processes. Here events wait in a queue, as in Lambda.
CONCURRENCY_VARIABLE = "EMULATOR_CONCURRENCY"
DEFAULT_CONCURRENCY = 8

_running = threading.BoundedSemaphore(
    int(os.environ.get(CONCURRENCY_VARIABLE, DEFAULT_CONCURRENCY))
)


def install() -> None:
    """Replaces the function that makes every asynchronous invocation, for rules and for callers."""
    hooks.replace(lambda_svc, "invoke_async_with_retry", invoke_async)


def invoke_async(func: dict[str, Any], event: Any) -> None:
    """Accepts an event for a function and returns; the function runs in the background."""
    invocation = AsyncInvocation(func, event)
    in_background(lambda_svc._run_with_function_config_scope, func, invocation.run)


class AsyncInvocation:
    """One event in a function's asynchronous queue."""

    def __init__(self, func: dict[str, Any], event: Any) -> None:
        settings = invoke_settings(func)
        self._function = func
        self._config: dict[str, Any] = func.get("config") or func
        self._event = event
        self._request_id = str(uuid4())
        self._retries_allowed = int(settings.get("MaximumRetryAttempts", DEFAULT_RETRIES))
        self._age_allowed = int(settings.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS))
        destinations = settings.get("DestinationConfig") or {}
        self._failure_destination = (destinations.get("OnFailure") or {}).get("Destination")
        dead_letters = self._config.get("DeadLetterConfig") or {}
        self._dead_letter_queue = dead_letters.get("TargetArn")
        self._attempts = 0
        self._throttles = 0
        self._clock = EventClock()

    def run(self) -> None:
        """Invokes the function until it succeeds or its event is given up."""
        while True:
            with _running:
                result = lambda_svc._execute_function(self._function, self._event)
            if result.get("throttle"):
                self._throttles += 1
            elif result.get("error"):
                self._attempts += 1
            else:
                return
            if condition := self._exhausted(result):
                return self._give_up(result, condition)
            self._clock.sleep(self._delay(result))

    def _delay(self, result: dict[str, Any]) -> float:
        if result.get("throttle"):
            delay = FIRST_THROTTLE_SECONDS * 2 ** (self._throttles - 1)
            return min(delay, LONGEST_THROTTLE_SECONDS)
        return FIRST_RETRY_SECONDS * self._attempts

    def _exhausted(self, result: dict[str, Any]) -> str | None:
        """Why there is no further attempt, in the terms of an invocation record; None if there is
        a further attempt."""
        if self._attempts > self._retries_allowed:
            return "RetriesExhausted"
        if self._clock.age() + self._delay(result) > self._age_allowed:
            return "EventAgeExceeded"
        return None

    def _give_up(self, result: dict[str, Any], condition: str) -> None:
        logger.warning("%s: %s", self._config["FunctionArn"], condition)
        if self._dead_letter_queue:
            self._send(self._dead_letter_queue, self._event, self._dead_letter_attributes(result))
        if self._failure_destination:
            self._send(self._failure_destination, self._record(result, condition), {})

    def _send(self, destination: str, body: Any, attributes: dict[str, str]) -> None:
        if ":sqs:" not in destination:
            name = self._config["FunctionName"]
            lambda_svc._route_async_failure(destination, name, self._event, body)
            return
        try:
            queues.send(destination, json.dumps(body), attributes=attributes)
        except queues.Refused as error:
            logger.error("%s: the event is lost: %s", self._config["FunctionArn"], error)

    def _dead_letter_attributes(self, result: dict[str, Any]) -> dict[str, str]:
        message = response_payload(result).get("errorMessage", "")
        return {"RequestID": self._request_id, "ErrorCode": "200", "ErrorMessage": message[:1024]}

    def _record(self, result: dict[str, Any], condition: str) -> dict[str, Any]:
        """The invocation record that Lambda sends to a failure destination."""
        version = self._config.get("Version", "$LATEST")
        record = {
            "version": "1.0",
            "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "requestContext": {
                "requestId": self._request_id,
                "functionArn": f"{self._config['FunctionArn']}:{version}",
                "condition": condition,
                "approximateInvokeCount": self._attempts,
            },
            "requestPayload": self._event,
        }
        if self._attempts:
            record["responseContext"] = {
                "statusCode": 200,
                "executedVersion": version,
                "functionError": result.get("function_error") or "Unhandled",
            }
            record["responsePayload"] = response_payload(result)
        return record


def invoke_settings(func: dict[str, Any]) -> dict[str, Any]:
    """The function's EventInvokeConfig; SAM writes it for the qualifier `$LATEST`."""
    for qualifier in ("$LATEST", None):
        if settings := lambda_svc._event_invoke_config(func, qualifier):
            return settings
    return {}


def response_payload(result: dict[str, Any]) -> dict[str, Any]:
    """The function's answer, as an object."""
    body = result.get("body")
    if isinstance(body, (str, bytes)):
        try:
            body = json.loads(body)
        except ValueError:
            body = {"errorMessage": str(body)}
    return body if isinstance(body, dict) else {"errorMessage": str(body)}

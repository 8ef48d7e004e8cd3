"""The delivery of one event from a rule to one target: retries, and the rule's dead-letter
queue."""

import contextvars
import json
import logging
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge

from ministack_launcher import queues
from ministack_launcher.event_clock import EventClock, in_background
from ministack_launcher.hooks import HookPoint

logger = logging.getLogger("ministack_launcher.delivery")

HOOK_POINTS = (
    HookPoint(eventbridge.__name__, "_invoke_target", ("target", "event", "rule", "view")),
    HookPoint(eventbridge.__name__, "_pattern_event_view", ("event",)),
)

# EventBridge's defaults: 185 attempts within 24 hours.
DEFAULT_RETRIES = 185
DEFAULT_AGE_SECONDS = 86_400
LONGEST_DELAY_SECONDS = 900.0

NO_RESOURCE = "NO_RESOURCE"
NO_PERMISSIONS = "NO_PERMISSIONS"
INVALID_JSON = "INVALID_JSON"
INVALID_PARAMETER = "INVALID_PARAMETER"
SDK_CLIENT_ERROR = "SDK_CLIENT_ERROR"

Attempt = Callable[[], None]


class DeliveryFailed(Exception):
    """A target did not accept an event; `code` is one of EventBridge's error codes."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class Delivery:
    """An event, its target, and the attempts so far."""

    def __init__(self, target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any]) -> None:
        policy = target.get("RetryPolicy") or {}
        self.target_arn: str = target.get("Arn", "")
        self.rule_arn: str = rule.get("Arn", "")
        self.role_arn: str = target.get("RoleArn") or ""
        self._body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
        self._dead_letter_queue = (target.get("DeadLetterConfig") or {}).get("Arn", "")
        self._retries_allowed = int(policy.get("MaximumRetryAttempts", DEFAULT_RETRIES))
        self._age_allowed = int(policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS))
        self._retries = 0
        self._clock = EventClock()

    def attempt_now(self, attempt: Attempt) -> None:
        """Makes the first attempt at once, on the caller's thread; only retries happen in the
        background."""
        delay = self._try(attempt)
        if delay is not None:
            in_background(self._retry, attempt, delay)

    def attempt_in_background(self, attempt: Attempt) -> None:
        """Makes every attempt on a thread, because the attempts wait for the network."""
        in_background(self._retry, attempt, None)

    def _retry(self, attempt: Attempt, delay: float | None) -> None:
        if delay is None:
            delay = self._try(attempt)
        while delay is not None:
            self._clock.sleep(delay)
            self._retries += 1
            delay = self._try(attempt)

    def _try(self, attempt: Attempt) -> float | None:
        """Makes an attempt; returns the delay until the next one, or None if there is none."""
        try:
            attempt()
            return None
        except DeliveryFailed as failure:
            if not failure.retryable:
                self._bury(failure, None)
                return None
            return self._next_delay(failure)

    def _next_delay(self, failure: DeliveryFailed) -> float | None:
        delay = min(2.0**self._retries, LONGEST_DELAY_SECONDS)
        if self._retries >= self._retries_allowed:
            self._bury(failure, "MaximumRetryAttempts")
        elif self._clock.age() + delay > self._age_allowed:
            self._bury(failure, "MaximumEventAgeInSeconds")
        else:
            return delay
        return None

    def _bury(self, failure: DeliveryFailed, exhausted: str | None) -> None:
        """Sends the event to the dead-letter queue, with the attributes that EventBridge adds."""
        logger.warning("%s -> %s: %s: %s", self.rule_arn, self.target_arn, failure.code, failure)
        if not self._dead_letter_queue:
            return
        attributes = {
            "RULE_ARN": self.rule_arn,
            "TARGET_ARN": self.target_arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": str(failure),
            "RETRY_ATTEMPTS": str(self._retries),
        }
        if exhausted:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        try:
            queues.require_permission(self._dead_letter_queue, self.rule_arn)
            queues.send(self._dead_letter_queue, self._body, attributes=attributes)
        except queues.Refused as error:
            logger.error("%s: the event is lost: %s", self.rule_arn, error)


_current: contextvars.ContextVar[Delivery] = contextvars.ContextVar("delivery")
_invoke_target = eventbridge._invoke_target


def current() -> Delivery:
    """The delivery for which the current dispatcher runs."""
    return _current.get()


def invoke_target(
    target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
) -> None:
    """Calls MiniStack's own `_invoke_target`, during which `current` returns the delivery to the
    dispatchers."""
    token = _current.set(Delivery(target, event, rule))
    try:
        _invoke_target(target, event, rule, view)
    finally:
        _current.reset(token)

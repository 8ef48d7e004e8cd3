"""API destinations: external calls, at their rate, retried, then dead-lettered."""

import copy
import threading
import time
from typing import Any

from ministack.core import responses
from ministack.services import eventbridge

from ministack_launcher import delivery, hooks
from ministack_launcher.delivery import DeliveryFailed
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    HookPoint(eventbridge.__name__, "_dispatch_to_api_destination", ("spec", "payload", "target")),
    HookPoint(
        eventbridge.__name__,
        "_build_api_destination_request",
        ("dest", "conn", "target_http_params", "payload"),
    ),
    HookPoint(
        eventbridge.__name__,
        "_connection_auth_headers",
        ("conn", "token_key", "force_refresh"),
    ),
    HookPoint(eventbridge.__name__, "_api_destination_send_sync", ("request", "auth_headers")),
    HookPoint(eventbridge.__name__, "_api_destinations"),
    HookPoint(eventbridge.__name__, "_connections"),
)

# The statuses that EventBridge retries; any other failure goes to the dead-letter queue at once.
RETRIED_STATUSES = frozenset({401, 407, 409, 429})
TOKEN_REFUSED_STATUSES = frozenset({401, 407})
DEFAULT_RATE_PER_SECOND = 300


def install() -> None:
    """Replaces the dispatcher to API destinations."""
    hooks.replace(eventbridge, "_dispatch_to_api_destination", dispatch_to_api_destination)


class RateLimiter:
    """Spaces the calls to each API destination by its own rate."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next_call: dict[str, float] = {}

    def wait(self, destination_arn: str, per_second: float) -> None:
        """Waits until this destination may be called again."""
        with self._lock:
            now = time.monotonic()
            due = max(now, self._next_call.get(destination_arn, now))
            self._next_call[destination_arn] = due + 1 / per_second
        time.sleep(due - now)


_rate_limiter = RateLimiter()


def dispatch_to_api_destination(spec: Any, payload: str, target: dict[str, Any]) -> None:
    """Calls the endpoint in the background, with the parameters that the connection adds to the request."""
    running = delivery.current()

    def attempt() -> None:
        destination, connection = active_destination(spec)
        request = eventbridge._build_api_destination_request(
            destination, connection, target.get("HttpParameters") or {}, payload
        )
        rate = destination.get("InvocationRateLimitPerSecond") or DEFAULT_RATE_PER_SECOND
        _rate_limiter.wait(destination["ApiDestinationArn"], float(rate))
        call(request, connection)

    running.attempt_in_background(attempt)


def active_destination(spec: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The API destination of this ARN and its connection; fails unless both are usable."""
    name = spec.resource.split("/")[1]
    destination = eventbridge._api_destinations.get(name)
    if not destination:
        message = f"the API destination {name} does not exist"
        raise DeliveryFailed(delivery.NO_RESOURCE, message)
    connection_name = destination.get("ConnectionArn", "").split("/")[1]
    connection = eventbridge._connections.get(connection_name)
    if not connection:
        message = f"the connection {connection_name} does not exist"
        raise DeliveryFailed(delivery.NO_RESOURCE, message)
    for state in (destination["ApiDestinationState"], connection["ConnectionState"]):
        if state not in ("ACTIVE", "AUTHORIZED"):
            message = f"the API destination {name} or its connection is {state}"
            raise DeliveryFailed(delivery.SDK_CLIENT_ERROR, message, retryable=True)
    return destination, copy.deepcopy(connection)


def call(request: dict[str, Any], connection: dict[str, Any]) -> None:
    """Sends one request; if its OAuth token is refused, renews it once within the attempt."""
    token_key = (responses.get_account_id(), responses.get_region(), connection["Name"])
    try:
        status = send(request, connection, token_key, force_refresh=False)
        uses_oauth = connection.get("AuthorizationType") == "OAUTH_CLIENT_CREDENTIALS"
        if uses_oauth and status in TOKEN_REFUSED_STATUSES:
            status = send(request, connection, token_key, force_refresh=True)
    except (OSError, ValueError) as error:
        message = f"Unable to invoke ApiDestination endpoint: {error}"
        raise DeliveryFailed(delivery.SDK_CLIENT_ERROR, message, retryable=True) from error
    if not 200 <= status < 300:
        message = f"Unable to invoke ApiDestination endpoint: it answered with status {status}"
        retryable = status >= 500 or status in RETRIED_STATUSES
        raise DeliveryFailed(delivery.SDK_CLIENT_ERROR, message, retryable=retryable)


def send(
    request: dict[str, Any],
    connection: dict[str, Any],
    token_key: tuple[str, str, str],
    *,
    force_refresh: bool,
) -> int:
    """Sends one authorized request, and returns its HTTP status."""
    headers = eventbridge._connection_auth_headers(connection, token_key, force_refresh)
    return eventbridge._api_destination_send_sync(request, headers)

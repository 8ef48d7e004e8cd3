"""The CloudFormation types of EventBridge that MiniStack has no handlers for."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

from ministack_launcher.hooks import HookPoint

SERVICE_CALLS = (
    "_create_connection",
    "_update_connection",
    "_delete_connection",
    "_create_api_destination",
    "_update_api_destination",
    "_delete_api_destination",
    "_create_archive",
    "_update_archive",
    "_delete_archive",
)

HOOK_POINTS = (
    HookPoint(provisioners.__name__, "_RESOURCE_HANDLERS"),
    HookPoint(provisioners.__name__, "_physical_name"),
    *(HookPoint(eventbridge.__name__, call, ("data",)) for call in SERVICE_CALLS),
)

Properties = dict[str, Any]
Created = tuple[str, dict[str, str]]


def install() -> None:
    """Registers the handlers."""
    for resource_type in (CONNECTION, API_DESTINATION, ARCHIVE):
        resource_type.register()


class ResourceType:
    """A CloudFormation type whose resources are stored by name in one of EventBridge's stores."""

    def __init__(
        self,
        type_name: str,
        name_property: str,
        noun: str,
        request: Callable[[Properties], Properties],
    ) -> None:
        self.type_name = type_name
        self._name_property = name_property
        self._noun = noun
        self._request = request

    def register(self) -> None:
        """Makes the type known to MiniStack's CloudFormation."""
        provisioners._RESOURCE_HANDLERS[self.type_name] = {
            "create": self.create,
            "update": self.update,
            "delete": self.delete,
        }

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Creates the resource under its own name or a generated one."""
        name = properties.get(self._name_property)
        name = name or provisioners._physical_name(stack, logical_id, max_len=48)
        return name, self._attributes(name, self._call("create", name, properties))

    def update(
        self,
        physical_id: str,
        old: Properties,
        new: Properties,
        stack: str,
        logical_id: str | None = None,
    ) -> Created:
        """Updates in place, or replaces the resource when its explicit name changes."""
        name = new.get(self._name_property) or physical_id
        if name == physical_id:
            return name, self._attributes(name, self._call("update", name, new))
        created = self.create(logical_id or physical_id, new, stack)
        self.delete(physical_id, old)
        return created

    def delete(self, physical_id: str, _properties: Properties) -> None:
        """Deletes the resource. If the resource does not exist any more, this is no failure."""
        self._service("delete")({self._name_property: physical_id})

    def _service(self, verb: str) -> Callable[[Properties], tuple[int, Any, Any]]:
        return getattr(eventbridge, f"_{verb}_{self._noun}")

    def _call(self, verb: str, name: str, properties: Properties) -> Properties:
        request = {**self._request(properties), self._name_property: name}
        status, _, body = self._service(verb)(request)
        answer = json.loads(body)
        if status >= 400:
            raise ValueError(f"{self.type_name} {verb} failed: {answer.get('message', answer)}")
        return answer

    def _attributes(self, name: str, answer: Properties) -> dict[str, str]:
        arn = next(value for key, value in answer.items() if key.endswith("Arn"))
        attributes = {"Arn": arn, self._name_property: name}
        if self is CONNECTION:
            attributes["SecretArn"] = secret_arn(arn, name)
        return attributes


def secret_arn(connection_arn: str, name: str) -> str:
    """The ARN of the secret in which EventBridge would keep the connection's credentials."""
    scope = connection_arn.split(":")[3:5]
    return f"arn:aws:secretsmanager:{':'.join(scope)}:secret:events!connection/{name}"


def as_given(properties: Properties) -> Properties:
    """A request with the template's properties unchanged."""
    return dict(properties)


def api_destination_request(properties: Properties) -> Properties:
    """The request for an API destination, with its rate as a number, not as a text."""
    request = dict(properties)
    if "InvocationRateLimitPerSecond" in request:
        request["InvocationRateLimitPerSecond"] = int(request["InvocationRateLimitPerSecond"])
    return request


def archive_request(properties: Properties) -> Properties:
    """The request for an archive; the template has the pattern as an object, and the bus as
    `SourceArn`."""
    request = {
        "EventSourceArn": properties["SourceArn"],
        "Description": properties.get("Description", ""),
        "RetentionDays": int(properties.get("RetentionDays", 0)),
    }
    pattern = properties.get("EventPattern")
    if pattern is not None:
        request["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
    return request


CONNECTION = ResourceType("AWS::Events::Connection", "Name", "connection", as_given)
API_DESTINATION = ResourceType(
    "AWS::Events::ApiDestination", "Name", "api_destination", api_destination_request
)
ARCHIVE = ResourceType("AWS::Events::Archive", "ArchiveName", "archive", archive_request)

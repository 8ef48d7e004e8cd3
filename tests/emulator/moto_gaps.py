"""What moto's CloudFormation lacks for the template, in one list, with a reason for each.

A resource type that moto's CloudFormation does not have is created through moto's API, with the
properties from the template. botocore rejects a property that the service does not have, or that
has another type.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest import mock

import boto3
from moto.cloudformation import parsing
from moto.events.models import Archive, EventBus
from moto.stepfunctions.models import StateMachine

Properties = dict[str, Any]


@dataclass
class Made:
    """A resource, with the methods that moto's CloudFormation calls to read its attributes and
    delete it."""

    physical_resource_id: str
    # None if the resource is deleted together with another resource, which moto may delete first.
    remove: Callable[[], Any] | None = None
    attributes: dict[str, str] = field(default_factory=dict)

    def get_cfn_attribute(self, name: str) -> str:
        """The value for `Fn::GetAtt`."""
        return self.attributes[name]

    def is_created(self) -> bool:
        """Whether the resource exists: always, because it was made before it was returned."""
        return True

    def delete(self, _account: str, _region: str) -> None:
        """Deletes the resource."""
        if self.remove:
            self.remove()


@dataclass(frozen=True)
class Gap:
    """One thing that moto lacks, the reason, and a context manager that supplies it."""

    what: str
    reason: str
    close: Callable[[], AbstractContextManager]


@cache
def client(service: str) -> Any:
    """A cached client of moto's API: making one takes longer than most calls."""
    return boto3.client(service)


def api(_name: str, given: Properties) -> Made:
    """An HTTP API, made from its OpenAPI document."""
    gateway = client("apigatewayv2")
    # moto imports a document only into an API that exists.
    document = given["Body"]
    made = gateway.create_api(Name=document["info"]["title"], ProtocolType="HTTP")["ApiId"]
    gateway.reimport_api(ApiId=made, Body=json.dumps(document))
    return Made(made, lambda: gateway.delete_api(ApiId=made))


def stage(_name: str, given: Properties) -> Made:
    """A stage of an API; it is deleted with the API."""
    gateway = client("apigatewayv2")
    gateway.create_stage(**given)
    return Made(given["StageName"])


def alarm(_name: str, given: Properties) -> Made:
    """An alarm of a metric."""
    watch = client("cloudwatch")
    watch.put_metric_alarm(**given)
    name = given["AlarmName"]
    return Made(name, lambda: watch.delete_alarms(AlarmNames=[name]))


def user_pool(_name: str, given: Properties) -> Made:
    """A pool of users; the API has another name for the property `UserPoolName`."""
    users = client("cognito-idp")
    name = given.pop("UserPoolName")
    pool = users.create_user_pool(PoolName=name, **given)["UserPool"]["Id"]
    return Made(pool, lambda: users.delete_user_pool(UserPoolId=pool))


def user_pool_client(_name: str, given: Properties) -> Made:
    """An application that may request a pool's tokens; it is deleted with the pool."""
    users = client("cognito-idp")
    made = users.create_user_pool_client(**given)["UserPoolClient"]["ClientId"]
    return Made(made)


def user_pool_group(_name: str, given: Properties) -> Made:
    """A role that users of a pool may have; it is deleted with the pool."""
    users = client("cognito-idp")
    users.create_group(**given)
    return Made(given["GroupName"])


def connection(name: str, given: Properties) -> Made:
    """The authorization of an API destination's calls."""
    events = client("events")
    name = given.pop("Name", name)
    arn = events.create_connection(Name=name, **given)["ConnectionArn"]
    return Made(name, lambda: events.delete_connection(Name=name), {"Arn": arn})


def api_destination(name: str, given: Properties) -> Made:
    """An endpoint that the bus calls, with its rate."""
    events = client("events")
    name = given.pop("Name", name)
    arn = events.create_api_destination(Name=name, **given)["ApiDestinationArn"]
    return Made(name, lambda: events.delete_api_destination(Name=name), {"Arn": arn})


def invoke_config(_name: str, given: Properties) -> Made:
    """A function's retries and failure destination; they are deleted with the function."""
    functions = client("lambda")
    functions.put_function_event_invoke_config(**given)
    return Made(given["FunctionName"])


def queue_policy(name: str, given: Properties) -> Made:
    """A queue's policy; it is deleted with the queue."""
    queues = client("sqs")
    policy = json.dumps(given["PolicyDocument"])
    for url in given["Queues"]:
        queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Made(name)


def schedule(_name: str, given: Properties) -> Made:
    """A schedule of invocations."""
    scheduler = client("scheduler")
    scheduler.create_schedule(**given)
    name = given["Name"]
    return Made(name, lambda: scheduler.delete_schedule(Name=name))


def secret(name: str, given: Properties) -> Made:
    """A secret, with random characters if no value is given."""
    secrets = client("secretsmanager")
    random, text = given.pop("GenerateSecretString", None), given.pop("SecretString", None)
    if random:
        text = secrets.get_random_password(**random)["RandomPassword"]
    arn = secrets.create_secret(Name=name, SecretString=text, **given)["ARN"]
    remove = secrets.delete_secret
    return Made(
        arn, lambda: remove(SecretId=arn, ForceDeleteWithoutRecovery=True), {"Id": arn}
    )


def nothing(name: str, given: Properties) -> Made:
    """A resource of a service that moto does not have: its reference and its attributes resolve."""
    attributes = {key: text for key, text in given.items() if isinstance(text, str)}
    return Made(name, attributes=attributes)


def unknown(resource: str, make: Callable[[str, Properties], Made], reason: str) -> Gap:
    """A resource type that moto's CloudFormation does not have."""

    class Model:
        """The entry for the type in moto's table of models."""

        @staticmethod
        def has_cfn_attr(_name: str) -> bool:
            """Whether an output may name this attribute."""
            return True

        @staticmethod
        def create_from_cloudformation_json(
            name: str, document: dict, _account: str, _region: str, **_: Any
        ) -> Made:
            """Makes the resource."""
            return make(name, document["Properties"])

    return Gap(
        resource, reason, lambda: mock.patch.dict(parsing.get_model_map(), {resource: Model})
    )


def other(what: str, model: type, member: str, instead: Any, reason: str) -> Gap:
    """A member of one of moto's models that is missing, or differs from CloudFormation's."""
    return Gap(what, reason, lambda: mock.patch.object(model, member, instead, create=True))


NO_MODEL = "moto has the service's API, and no model of this type for CloudFormation"
NO_SERVICE = "moto has no schema registry"
make_archive = Archive.create_from_cloudformation_json.__func__
machine_attribute = StateMachine.get_cfn_attribute


def archive_of_pattern(cls: type, name: str, document: dict, *where: str, **ids: str) -> Archive:
    """Makes an archive from a pattern that is an object, as in every template."""
    given = document["Properties"]
    given["EventPattern"] = json.dumps(given["EventPattern"])
    return make_archive(cls, name, document, *where, **ids)


def machine_or_its_arn(machine: StateMachine, name: str) -> Any:
    """An attribute of a state machine; moto itself does not offer the ARN as one."""
    return machine.arn if name == "Arn" else machine_attribute(machine, name)


def delete_by_policy(resources: parsing.ResourceMap) -> None:
    """Deletes a stack's resources, except for those that a policy with a function retains."""
    for resource in resources._resource_json_map.values():
        policy = parsing.clean_json(resource.get("DeletionPolicy"), resources)
        if policy in ("Retain", "RetainExceptOnCreate"):
            resource["DeletionPolicy"] = "Retain"
    delete_all(resources)


delete_all = parsing.ResourceMap.delete
UNKNOWN = (
    unknown("AWS::ApiGatewayV2::Api", api, NO_MODEL),
    unknown("AWS::ApiGatewayV2::Stage", stage, NO_MODEL),
    unknown("AWS::CloudWatch::Alarm", alarm, NO_MODEL),
    unknown("AWS::Cognito::UserPool", user_pool, NO_MODEL),
    unknown("AWS::Cognito::UserPoolClient", user_pool_client, NO_MODEL),
    unknown("AWS::Cognito::UserPoolGroup", user_pool_group, NO_MODEL),
    unknown("AWS::Events::ApiDestination", api_destination, NO_MODEL),
    unknown("AWS::Events::Connection", connection, NO_MODEL),
    unknown("AWS::EventSchemas::Registry", nothing, NO_SERVICE),
    unknown("AWS::EventSchemas::Schema", nothing, NO_SERVICE),
    unknown("AWS::Lambda::EventInvokeConfig", invoke_config, NO_MODEL),
    unknown("AWS::SQS::QueuePolicy", queue_policy, NO_MODEL),
    unknown("AWS::Scheduler::Schedule", schedule, NO_MODEL),
    unknown("AWS::SecretsManager::Secret", secret, NO_MODEL),
)
OTHERWISE = (
    other(
        "an archive's pattern",
        Archive,
        "create_from_cloudformation_json",
        classmethod(archive_of_pattern),
        "moto wants the pattern as text",
    ),
    other(
        "!Ref of an archive",
        Archive,
        "physical_resource_id",
        property(lambda archive: archive.name),
        "moto gives its own object",
    ),
    other(
        "!Ref of a bus",
        EventBus,
        "physical_resource_id",
        property(lambda bus: bus.name),
        "moto gives its own object",
    ),
    other(
        "!GetAtt of a state machine's Arn",
        StateMachine,
        "get_cfn_attribute",
        machine_or_its_arn,
        "moto knows the attributes Name, RoleArn and DefinitionString only",
    ),
)
# The replacements that apply when a stack is deleted.
DELETED_OTHERWISE = (
    other(
        "!If in a DeletionPolicy",
        parsing.ResourceMap,
        "delete",
        delete_by_policy,
        "moto knows the text Retain only",
    ),
)

"""A second opinion on the template: moto's CloudFormation creates it, resolves it, deletes it.

Run with `scripts/emulator.sh moto`; it needs no binaries, and no running emulator.
"""

import io
import json
import os
import re
import sys
import unittest
import zipfile
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path


os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"

sys.path.insert(0, str(Path(__file__).resolve().parent))

from botocore.parsers import ResponseParserError
from moto import mock_aws
from moto.cloudformation import parsing
from samcli.yamlhelper import yaml_parse

import sentence_tests
from moto_gaps import DELETED_OTHERWISE, OTHERWISE, UNKNOWN, Gap, client
from translation import BUCKET, CODE, NESTED, translated

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = translated(ROOT / "template.yaml")
NESTED_TEMPLATE = (ROOT / "infra" / "schema-registry.yaml").read_text()
NESTED_RESOURCES = yaml_parse(NESTED_TEMPLATE)["Resources"]
STACK, NESTED_STACK = "chorus", "AWS::CloudFormation::Stack"

# Always given, because moto keeps the default of a Number parameter as the text in the template.
DEFAULTS = {name: given["Default"] for name, given in TEMPLATE["Parameters"].items()}
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:carrier"
WITH_PASSWORD = {
    "CarrierAuthType": "BASIC",
    "CarrierUser": "shop",
    "CarrierSecret": "a password",
    "FrontEndEndpoint": "https://shop.example/hooks",
}
AS_IN_PROD = {
    "Stage": "prod",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:123456789012:alarms",
    "CarrierAuthType": "OAUTH_CLIENT_CREDENTIALS",
    "CarrierSecretArn": SECRET_ARN,
    "CarrierTokenEndpoint": "https://carrier.example/token",
    "JwtIssuer": "https://cognito-idp.us-east-1.amazonaws.com/pool",
    "MailFrom": "orders@shop.example",
    "MailIdentity": "shop.example",
    "OperatorEmail": "desk@shop.example",
    "RegisterSchemas": "false",
    "StripeKeySecret": "shop/stripe",
    "StripeWebhookSecret": "shop/stripe-webhook",
    "WebhookSecret": "a-webhook-secret-for-moto-only",
}
# The value of an output that was not resolved: an object of moto's, a placeholder, or nothing.
UNRESOLVED = re.compile(r"^$|<moto|\$\{|None")

# For each condition, the parameter that has to be given so that it holds.
NEEDS = {
    "HasCatalogue": "CatalogueAccount",
    "HasEnterpriseBus": "EnterpriseBusArn",
    "HasFrontEnd": "FrontEndEndpoint",
}

# How to list the resources of a type: service, operation, field of the answer, and arguments.
LISTS = {
    "AWS::ApiGatewayV2::Api": ("apigatewayv2", "get_apis", "Items"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "describe_alarms", "MetricAlarms"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries"),
    "AWS::Cognito::UserPool": ("cognito-idp", "list_user_pools", "UserPools", {"MaxResults": 60}),
    "AWS::DynamoDB::Table": ("dynamodb", "list_tables", "TableNames"),
    "AWS::Events::ApiDestination": ("events", "list_api_destinations", "ApiDestinations"),
    "AWS::Events::Archive": ("events", "list_archives", "Archives"),
    "AWS::Events::Connection": ("events", "list_connections", "Connections"),
    "AWS::Events::EventBus": ("events", "list_event_buses", "EventBuses"),
    "AWS::IAM::Role": ("iam", "list_roles", "Roles"),
    "AWS::Lambda::EventSourceMapping": (
        "lambda",
        "list_event_source_mappings",
        "EventSourceMappings",
    ),
    "AWS::Lambda::Function": ("lambda", "list_functions", "Functions"),
    "AWS::Logs::LogGroup": ("logs", "describe_log_groups", "logGroups"),
    "AWS::SQS::Queue": ("sqs", "list_queues", "QueueUrls"),
    "AWS::Scheduler::Schedule": ("scheduler", "list_schedules", "Schedules"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "list_secrets", "SecretList"),
    "AWS::StepFunctions::StateMachine": ("stepfunctions", "list_state_machines", "stateMachines"),
}
# Resources that are deleted with their API, pool, bus, function or queue; and the nested stack,
# whose resources moto does not have.
PARTS = frozenset(
    {
        "AWS::ApiGatewayV2::Stage",
        "AWS::CloudFormation::Stack",
        "AWS::Cognito::UserPoolClient",
        "AWS::Cognito::UserPoolGroup",
        "AWS::Events::Rule",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::Permission",
        "AWS::SQS::QueuePolicy",
    }
)


@dataclass(frozen=True)
class Life:
    """A stack, from its creation to its deletion."""

    resources: frozenset[str]
    outputs: dict[str, str]
    created: Counter
    left: Counter
    refused: str


@cache
def life(**given: str) -> Life:
    """Creates the stack with these parameters, examines it, and deletes it."""
    with ExitStack() as stack:
        emulate(stack, [*UNKNOWN, *OTHERWISE, *DELETED_OTHERWISE])
        before = counted()
        create(given)
        resources, outputs = described()
        during = counted()
        refused = delete()
        return Life(resources, outputs, during - before, counted() - before, refused)


def emulate(stack: ExitStack, gaps: Iterable[Gap]) -> None:
    """Starts a moto with these gaps closed, which has the packages that `sam deploy` would
    upload."""
    stack.enter_context(mock_aws(config={"lambda": {"use_docker": False}}))
    for gap in gaps:
        stack.enter_context(gap.close())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("bootstrap", "never run")
    client("s3").create_bucket(Bucket=BUCKET)
    client("s3").put_object(Bucket=BUCKET, Key=CODE, Body=archive.getvalue())
    client("s3").put_object(Bucket=BUCKET, Key=NESTED, Body=NESTED_TEMPLATE)


def create(given: dict[str, str]) -> None:
    """Creates the stack."""
    parameters = {**DEFAULTS, **given}
    client("cloudformation").create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(TEMPLATE),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )


def delete() -> str:
    """Deletes the stack; returns the error's text if that was refused."""
    try:
        client("cloudformation").delete_stack(StackName=STACK)
    except ResponseParserError as error:
        # moto forwards DynamoDB's error, which is not XML.
        return str(error)
    return ""


def described() -> tuple[frozenset[str], dict[str, str]]:
    """The names of the stack's resources, and its outputs."""
    formation = client("cloudformation")
    [stack] = formation.describe_stacks(StackName=STACK)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    resources = resources_of(STACK)
    for kind, place in list(resources.values()):
        if kind == NESTED_STACK:
            resources |= resources_of(place)
    return frozenset(resources), outputs


def resources_of(stack: str) -> dict[str, tuple[str, str]]:
    """Type and id of each resource; moto also lists those that a condition omits, without a
    name."""
    found = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {
        one["LogicalResourceId"]: (one["ResourceType"], one.get("PhysicalResourceId", ""))
        for one in found
        if "LogicalResourceId" in one
    }


def counted() -> Counter:
    """How many resources there are, by type, as the services themselves list them."""
    return Counter({resource: len(listed(*call)) for resource, call in LISTS.items()})


def listed(service: str, operation: str, key: str, arguments: dict | None = None) -> list:
    """What this operation of a service lists."""
    return getattr(client(service), operation)(**(arguments or {})).get(key, [])


def wanted(given: dict[str, str]) -> dict[str, dict]:
    """The template's resources that these parameters create: in prod, those with a condition are
    given from outside instead."""
    return {
        name: resource
        for name, resource in TEMPLATE["Resources"].items()
        if given is not AS_IN_PROD or "Condition" not in resource
        if NEEDS.get(resource.get("Condition"), "Stage") in {"Stage", *given}
    }


def unresolved(outputs: dict[str, str]) -> list[str]:
    """The outputs of the template that have no value."""
    return [name for name in TEMPLATE["Outputs"] if UNRESOLVED.search(outputs.get(name, ""))]


def types_of(resources: dict[str, dict]) -> set[str]:
    """The types of these resources."""
    return {resource["Type"] for resource in resources.values()}


def fault_without(gap: Gap) -> str:
    """The fault that the stack has if this gap of moto is not closed; empty if it has none."""
    with ExitStack() as stack:
        emulate(stack, [*UNKNOWN, *(other for other in OTHERWISE if other is not gap)])
        try:
            create({})
            return ", ".join(unresolved(described()[1]))
        except Exception as fault:
            return repr(fault)


class Template(unittest.TestCase):
    def every_resource_is_created(self) -> None:
        for given in ({}, WITH_PASSWORD, AS_IN_PROD):
            with self.subTest(given=given):
                nested = {} if given is AS_IN_PROD else NESTED_RESOURCES
                self.assertEqual(life(**given).resources, {*wanted(given), *nested})

    def each_service_has_as_many_as_the_template(self) -> None:
        for given in ({}, WITH_PASSWORD, AS_IN_PROD):
            with self.subTest(given=given):
                types = Counter(resource["Type"] for resource in wanted(given).values())
                # Like EventBridge, moto stores a connection's credentials in a secret.
                types["AWS::SecretsManager::Secret"] += types["AWS::Events::Connection"]
                whole = {name: number for name, number in types.items() if name not in PARTS}
                self.assertEqual(dict(life(**given).created), whole)

    def every_output_is_resolved(self) -> None:
        for given in ({}, WITH_PASSWORD, AS_IN_PROD):
            with self.subTest(given=given):
                self.assertEqual(unresolved(life(**given).outputs), [])

    def nothing_is_left_when_it_is_deleted(self) -> None:
        for given in ({}, WITH_PASSWORD):
            with self.subTest(given=given):
                self.assertEqual((life(**given).refused, life(**given).left), ("", Counter()))

    def in_prod_resources_that_hold_data_and_no_others_outlive_the_stack(self) -> None:
        in_prod, whole = life(**AS_IN_PROD), wanted(AS_IN_PROD).values()
        retained = Counter(one["Type"] for one in whole if "DeletionPolicy" in one)
        self.assertEqual((in_prod.refused, in_prod.left), ("", retained))
        self.assertLess(
            {"AWS::DynamoDB::Table", "AWS::Events::EventBus", "AWS::Events::Archive"}, {*retained}
        )


class Gaps(unittest.TestCase):
    def each_type_in_the_list_is_in_the_template_and_unknown_to_moto(self) -> None:
        used = types_of(TEMPLATE["Resources"]) | types_of(NESTED_RESOURCES)
        for gap in UNKNOWN:
            with self.subTest(gap.what):
                self.assertIn(gap.what, used)
                self.assertNotIn(gap.what, parsing.get_model_map())

    def without_what_moto_does_otherwise_the_stack_is_not_whole(self) -> None:
        for gap in OTHERWISE:
            with self.subTest(gap.what):
                self.assertNotEqual(fault_without(gap), "")


if __name__ == "__main__":
    sentence_tests.main()

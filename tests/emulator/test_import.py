"""In prod, resources that hold data outlive their stack, and a new stack of the same name imports them.

Run with `scripts/emulator.sh import`, which builds the command that prints the change set. The
stack under test has only the template's resources that hold data, because the other resources do
not affect what is deleted and imported.
"""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import boto3
from samcli.yamlhelper import yaml_parse

sys.path.insert(0, str(Path(__file__).resolve().parent))

import sentence_tests
from process import TEST_CREDENTIALS, Emulator
from shop_stack import BINARIES, ROOT, free_port, wait_for

STACK = "chorus-prod"
START_SECONDS, PATIENCE = 30.0, 30.0
# With these parameters, the conditions of all resources hold.
GIVEN = {"Stage": "prod", "FrontEndEndpoint": "https://shop.example/hooks"}
PARAMETERS = [{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN.items()]
# Types that MiniStack cannot import. AWS can, because its registry can read resources of each of them.
NOT_IMPORTED_HERE = ("AWS::Events::Archive", "AWS::Events::EventBus", "AWS::SecretsManager::Secret")
ITEM = {"pk": {"S": "stream#1073459984"}, "sk": {"S": "0000000001"}}

emulator_url: str


def setUpModule() -> None:
    """Starts an emulator."""
    global emulator_url
    emulator = Emulator(ROOT, free_port())
    unittest.addModuleCleanup(emulator.stop)
    emulator_url = emulator.start(START_SECONDS)


class Retention(unittest.TestCase):
    """One stack, which is made, filled and deleted before the tests."""

    @classmethod
    def setUpClass(cls) -> None:
        formation, template = client("cloudformation"), holding_data()
        cls.kinds = {name: resource["Type"] for name, resource in template["Resources"].items()}
        made = formation.create_stack(
            StackName=STACK, TemplateBody=json.dumps(template), Parameters=PARAMETERS
        )["StackId"]
        ends(made, "CREATE_COMPLETE")
        described = formation.describe_stack_resources(StackName=made)["StackResources"]
        cls.places = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}
        client("dynamodb").put_item(TableName=cls.places["OrderTable"], Item=ITEM)
        client("sqs").send_message(QueueUrl=cls.places["PaymentQueue"], MessageBody="an event")
        formation.delete_stack(StackName=STACK)
        ends(made, "DELETE_COMPLETE")
        # On AWS, `list-stack-resources` lists the resources that are left; MiniStack has only the events.
        pages = formation.get_paginator("describe_stack_events").paginate(StackName=made)
        events = [event for page in pages for event in page["StackEvents"]]
        cls.left = [event for event in events if event["ResourceStatus"] == "DELETE_SKIPPED"]

    def all_resources_that_hold_data_are_left_with_their_data(self) -> None:
        self.assertEqual({one["LogicalResourceId"] for one in self.left}, {*self.kinds})
        self._is_as_it_was()

    def each_can_be_named_to_a_new_stack(self) -> None:
        change_set = self._proposed("all", self.left)
        self.assertEqual(len(change_set["Changes"]), len(self.left))
        named = "Resource import is not supported by this emulator for "
        self.assertEqual(change_set["StatusReason"], named + ", ".join(NOT_IMPORTED_HERE))
        client("cloudformation").delete_stack(StackName=STACK)

    def a_new_stack_imports_them_with_their_data(self) -> None:
        known = [one for one in self.left if one["ResourceType"] not in NOT_IMPORTED_HERE]
        self.assertEqual(self._proposed("known", known)["ExecutionStatus"], "AVAILABLE")
        formation = client("cloudformation")
        formation.execute_change_set(StackName=STACK, ChangeSetName="known")
        ends(STACK, "IMPORT_COMPLETE")
        described = formation.describe_stack_resources(StackName=STACK)["StackResources"]
        places = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}
        expected = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in known}
        self.assertEqual(places, expected)
        self._is_as_it_was()

    def _is_as_it_was(self) -> None:
        item = client("dynamodb").get_item(TableName=self.places["OrderTable"], Key=ITEM)
        self.assertEqual(item["Item"], ITEM)
        depth = ["ApproximateNumberOfMessages"]
        queue = client("sqs").get_queue_attributes(
            QueueUrl=self.places["PaymentQueue"], AttributeNames=depth
        )
        self.assertEqual(queue["Attributes"][depth[0]], "1")

    def _proposed(self, name: str, left: list[dict[str, Any]]) -> dict[str, Any]:
        """Creates the change set that the command prints for these resources, and returns it."""
        formation = client("cloudformation")
        formation.create_change_set(
            StackName=STACK, ChangeSetName=name, Parameters=PARAMETERS, **printed(left)
        )

        def examined() -> dict[str, Any] | None:
            found = formation.describe_change_set(StackName=STACK, ChangeSetName=name)
            return found if found["Status"] in ("CREATE_COMPLETE", "FAILED") else None

        return wait_for(examined, PATIENCE, "the change set")


def printed(left: list[dict[str, Any]]) -> dict[str, Any]:
    """The change set that `chorus synth --import` prints for these resources of a deleted stack."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"StackResourceSummaries": left}, file, default=str)
        file.flush()
        command = [BINARIES / "chorus", "synth", "--import", file.name]
        completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(completed.stdout)


def holding_data() -> dict[str, Any]:
    """The template with its resources that have a policy, and nothing else."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    head = {name: template[name] for name in ("AWSTemplateFormatVersion", "Parameters", "Conditions")}
    resources = template["Resources"].items()
    return {**head, "Resources": {name: one for name, one in resources if "DeletionPolicy" in one}}


def ends(stack: str, status: str) -> None:
    """Waits until the stack has this status."""

    def there() -> bool:
        [found] = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return found["StackStatus"] == status

    wait_for(there, PATIENCE, f"{status} of the stack")


def client(service: str) -> Any:
    """A client of the emulator."""
    credentials = {
        "aws_access_key_id": TEST_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": TEST_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    }
    region = TEST_CREDENTIALS["AWS_REGION"]
    return boto3.client(service, endpoint_url=emulator_url, region_name=region, **credentials)


if __name__ == "__main__":
    sentence_tests.main()

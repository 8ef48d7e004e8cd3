"""Functions for invocations by hand: each service's binary on cargo-lambda's runtime API.

The binaries have the variables of template.yaml, with tables and a queue of their own on the
emulator, and a bus without rules. So published events reach no consumer, and an invocation depends
only on the tables' content after earlier invocations.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
from samcli.yamlhelper import yaml_parse

import prebuilt
from process import TEST_CREDENTIALS, port_is_taken, test_environment
from shop_stack import BINARIES, ROOT, free_port, wait_for

CARGO_LAMBDA = Path(sys.executable).with_name("cargo-lambda")
LOCALHOST = "127.0.0.1"
# The properties of a template's table that CreateTable accepts.
TABLE_SETTINGS = ("AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema")
START_SECONDS = 30.0
INVOKE_SECONDS = 30.0
# Replaces the definitions of the template's state machines: an execution ends at once.
ENDS_AT_ONCE = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
# The values that a deployment would have for the template's pseudo parameters.
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": TEST_CREDENTIALS["AWS_REGION"],
    "AWS::StackName": "samples",
}


def substituted(text: str) -> str:
    """Replaces the pseudo parameters in a text of the template."""
    for name, value in PSEUDO_PARAMETERS.items():
        text = text.replace(f"${{{name}}}", value)
    return text


class SamplesBench:
    """Every service's function, ready to be invoked."""

    def __init__(self, emulator_url: str) -> None:
        self._url = emulator_url
        self._port = free_port()
        self._processes: list[subprocess.Popen] = []
        self._folder = tempfile.TemporaryDirectory()
        self._resources: dict[str, str] = {}
        self._settings: dict[str, dict[str, Any]] = {}
        self._tables_of: dict[str, list[str]] = {}

    def start(self) -> None:
        """Creates the resources of the functions, and starts the functions."""
        template = yaml_parse((ROOT / "template.yaml").read_text())
        self._make_resources(template)
        watch = ["lambda", "watch", "--only-lambda-apis", "--invoke-address", LOCALHOST]
        self._spawn("runtime-api", [CARGO_LAMBDA, *watch, f"--invoke-port={self._port}"], {})
        wait_for(lambda: port_is_taken(self._port), START_SECONDS, "cargo-lambda's runtime API")
        shared = template["Globals"]["Function"]["Environment"]["Variables"]
        for resource in template["Resources"].values():
            if name := prebuilt.function_of(resource):
                own = resource["Properties"].get("Environment", {}).get("Variables", {})
                variables = {key: self._value(value) for key, value in {**shared, **own}.items()}
                tables = [value for key, value in variables.items() if key.startswith("TABLE_")]
                self._tables_of[name] = tables
                binary = BINARIES / prebuilt.binary_of(resource)
                self._spawn(name, [binary], {**self._runtime(name), **variables})

    def stop(self) -> None:
        """Ends the functions."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)
        self._folder.cleanup()

    def invoke(self, function: str, sample: Path) -> Any:
        """The output of `cargo lambda invoke`, run as a person would run it."""
        command = [CARGO_LAMBDA, "lambda", "invoke", function, "--data-file", sample]
        address = ["--invoke-address", LOCALHOST, f"--invoke-port={self._port}"]
        done = subprocess.run(
            [*command, *address], capture_output=True, text=True, timeout=INVOKE_SECONDS, check=False
        )
        if done.returncode:
            raise AssertionError(f"{function} on {sample.name}: {done.stderr}{self._logged(function)}")
        return json.loads(done.stdout)

    def forget(self, function: str) -> None:
        """Empties the tables of a function."""
        client = self._client("dynamodb")
        for name in self._tables_of[function]:
            client.delete_table(TableName=name)
            client.create_table(TableName=name, **self._settings[name])

    def _make_resources(self, template: dict[str, Any]) -> None:
        """Creates the template's tables and queues, a bus, and state machines that end at once."""
        self._client("events").create_event_bus(Name="samples")
        role = self._client("iam").create_role(RoleName="samples", AssumeRolePolicyDocument="{}")
        queues = self._client("sqs")
        for name, resource in template["Resources"].items():
            match resource["Type"]:
                case "AWS::DynamoDB::Table":
                    given = resource["Properties"]
                    settings = {key: given[key] for key in TABLE_SETTINGS if key in given}
                    self._resources[name] = table = f"samples-{name}"
                    self._settings[table] = settings
                    self._client("dynamodb").create_table(TableName=table, **settings)
                case "AWS::SQS::Queue":
                    made = queues.create_queue(QueueName=f"samples-{name}")
                    self._resources[name] = made["QueueUrl"]
                case "AWS::Serverless::StateMachine":
                    self._client("stepfunctions").create_state_machine(
                        name=substituted(resource["Properties"]["Name"]["Fn::Sub"]),
                        definition=json.dumps(ENDS_AT_ONCE),
                        roleArn=role["Role"]["Arn"],
                    )
                case "AWS::SecretsManager::Secret":
                    made = self._client("secretsmanager").create_secret(
                        Name=f"samples-{name}", SecretString="known to the samples, and long enough"
                    )
                    self._resources[name] = made["ARN"]
                case "AWS::Events::EventBus":
                    self._resources[name] = "samples"
        for name, parameter in template["Parameters"].items():
            self._resources[name] = str(parameter.get("Default", ""))

    def _value(self, value: Any) -> str:
        """A variable's value; a placeholder if only a deployment knows it."""
        if isinstance(value, dict) and "Fn::Sub" in value:
            text = substituted(value["Fn::Sub"])
            for name, known in self._resources.items():
                text = text.replace(f"${{{name}}}", known)
            return text
        match value:
            case {"Fn::If": [_, then, _]}:
                return self._value(then)
            # The only attribute that a variable refers to is the ARN of a secret.
            case {"Ref": name} | {"Fn::GetAtt": [name, "Id"]} if name in self._resources:
                return self._resources[name]
            case dict():
                return "known once deployed, and long enough"
        return str(value)

    def _runtime(self, name: str) -> dict[str, str]:
        """The variables that Lambda sets for every function."""
        return {
            "AWS_LAMBDA_RUNTIME_API": f"http://{LOCALHOST}:{self._port}/.rt/{name}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        }

    def _client(self, service: str) -> Any:
        credentials = {
            "aws_access_key_id": TEST_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": TEST_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        }
        region = TEST_CREDENTIALS["AWS_REGION"]
        return boto3.client(service, endpoint_url=self._url, region_name=region, **credentials)

    def _spawn(self, name: str, command: list[Any], variables: dict[str, str]) -> None:
        with (Path(self._folder.name) / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**test_environment(self._url), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(child)

    def _logged(self, name: str) -> str:
        return (Path(self._folder.name) / f"{name}.log").read_text(errors="replace")

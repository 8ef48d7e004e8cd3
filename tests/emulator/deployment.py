"""A stack in the emulator: deployed and deleted by the real `sam`, read through CloudFormation."""

import re
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from process import TEST_CREDENTIALS, test_environment

SAM = Path(sys.executable).with_name("sam")
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
EXECUTE_API = re.compile(r"https?://(\w+)\.execute-api\.[^/]+")


class DeploymentError(Exception):
    """`sam` failed; its output has the reason."""


class Stack:
    """One CloudFormation stack of the emulator at `url`, in the default account or in another one."""

    def __init__(self, name: str, url: str, account: str | None = None) -> None:
        self._name = name
        self._url = url
        # MiniStack takes an access key of twelve digits as the account of that number.
        self._key = account or TEST_CREDENTIALS["AWS_ACCESS_KEY_ID"]

    def deploy(self, template: Path, parameters: list[str], timeout: float) -> None:
        """Packages the content of the template's CodeUri folders, and creates or updates the stack."""
        command = [
            *("deploy", "--template-file", str(template), "--stack-name", self._name),
            *("--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
            *("--capabilities", *CAPABILITIES),
        ]
        if parameters:
            command += ["--parameter-overrides", *parameters]
        self._sam(command, timeout)

    def destroy(self, timeout: float) -> None:
        """Deletes the stack."""
        self._sam(["delete", "--stack-name", self._name, "--no-prompts"], timeout)

    def outputs(self) -> dict[str, str]:
        """The stack's outputs; the address of an API is replaced by the one that the emulator
        serves."""
        client = boto3.client(
            "cloudformation",
            endpoint_url=self._url,
            region_name=TEST_CREDENTIALS["AWS_REGION"],
            aws_access_key_id=self._key,
            aws_secret_access_key=TEST_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        try:
            stack = client.describe_stacks(StackName=self._name)["Stacks"][0]
        except ClientError as error:
            raise DeploymentError(str(error)) from error
        return {
            output["OutputKey"]: self._reachable(output["OutputValue"])
            for output in stack.get("Outputs", [])
        }

    def _reachable(self, value: str) -> str:
        """An HTTP API's address under the emulator's own host, which needs no name resolution."""
        stage = EXECUTE_API.sub("", value).strip("/") or "$default"
        if found := EXECUTE_API.match(value):
            return f"{self._url}/_aws/execute-api/{found.group(1)}/{stage}"
        return value

    def _sam(self, arguments: list[str], timeout: float) -> None:
        command = [str(SAM), *arguments, "--region", TEST_CREDENTIALS["AWS_REGION"]]
        try:
            done = subprocess.run(
                command,
                env={**test_environment(self._url), "AWS_ACCESS_KEY_ID": self._key},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            message = f"`sam {arguments[0]}` took longer than {timeout:g} seconds"
            raise DeploymentError(message) from error
        if done.returncode:
            raise DeploymentError(f"`sam {arguments[0]}` failed:\n{done.stdout}")

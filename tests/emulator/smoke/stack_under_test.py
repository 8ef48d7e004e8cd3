"""The smoke stack on an emulator of its own, and the tools to examine it."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import Any, TypeVar

import boto3

HERE = Path(__file__).resolve().parent
CLI = HERE.parent / "emulator.py"
Found = TypeVar("Found")


class StackUnderTest:
    """An emulator on a free port with the smoke template deployed."""

    def __init__(self, endpoint: str) -> None:
        self._port = free_port()
        self._endpoint = endpoint
        self.outputs: dict[str, str] = {}
        self.url = self._run("start").strip()

    def deploy(self, **parameters: str) -> None:
        """Deploys the smoke template, or updates it with other parameters."""
        given = {"Endpoint": self._endpoint, **parameters}
        options = [f"--parameter={key}={value}" for key, value in given.items()]
        template = f"--template={HERE / 'template.yaml'}"
        self.outputs = json.loads(self._run("deploy", "--stack-name=smoke", template, *options))

    def destroy(self) -> None:
        """Deletes the stack."""
        self._run("destroy", "--stack-name=smoke")

    def stop(self) -> None:
        """Ends the emulator."""
        self._run("stop")

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, str(CLI), *arguments, f"--port={self._port}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout

    def client(self, service: str, role: str | None = None) -> Any:
        """A boto3 client of this emulator, as its root user or under a role."""
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        if role:
            assumed = self.client("sts").assume_role(RoleArn=role, RoleSessionName="smoke")
            credentials = {
                "aws_access_key_id": assumed["Credentials"]["AccessKeyId"],
                "aws_secret_access_key": assumed["Credentials"]["SecretAccessKey"],
                "aws_session_token": assumed["Credentials"]["SessionToken"],
            }
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", **credentials)

    def put(self, detail_type: str, **detail: Any) -> str:
        """Puts one event on the stack's bus; returns its id."""
        entry = {
            "EventBusName": self.outputs["Bus"],
            "Source": "smoke",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        answer = self.client("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0, answer
        return answer["Entries"][0]["EventId"]

    def send_batch(self, queue: str, *bodies: dict[str, Any]) -> None:
        """Sends several messages of one group to a FIFO queue at once."""
        entries = [
            {"Id": str(number), "MessageBody": json.dumps(body), "MessageGroupId": "batch"}
            for number, body in enumerate(bodies)
        ]
        url = self.client("sqs").get_queue_url(QueueName=self.outputs[queue].split(":")[-1])
        self.client("sqs").send_message_batch(QueueUrl=url["QueueUrl"], Entries=entries)

    def add_rule(self, detail_type: str, target: dict[str, Any]) -> str:
        """Adds a rule with one target, whose dead letters go to the stack's queue."""
        events, bus = self.client("events"), self.outputs["Bus"]
        pattern = json.dumps({"detail-type": [detail_type]})
        rule = events.put_rule(Name=f"to-{detail_type}", EventBusName=bus, EventPattern=pattern)
        dead_letters = {"DeadLetterConfig": {"Arn": self.outputs["RuleDeadLettersArn"]}}
        targets = [{"Id": "target", **dead_letters, **target}]
        events.put_targets(Rule=f"to-{detail_type}", EventBusName=bus, Targets=targets)
        return rule["RuleArn"]

    def take(self, queue: str, wanted: Callable[[dict], bool], within: float = 30) -> dict:
        """Receives the first message whose JSON body `wanted` accepts, with its attributes as
        strings."""

        def look() -> dict | None:
            for message in self._receive(queue):
                if wanted(message["body"]):
                    return message
            return None

        return wait_for(look, within, f"a message in {queue}")

    def drain(self, queue: str) -> list[dict]:
        """Receives every message that is in a queue now."""
        taken: list[dict] = []
        while batch := self._receive(queue):
            taken += batch
        return taken

    def _receive(self, queue: str) -> list[dict]:
        sqs, url = self.client("sqs"), self.outputs[queue]
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [
            {
                "body": json.loads(message["Body"]),
                "attributes": {
                    name: value["StringValue"]
                    for name, value in message.get("MessageAttributes", {}).items()
                },
            }
            for message in messages
        ]


def wait_for(look: Callable[[], Found | None], within: float, what: str) -> Found:
    """Calls `look` until it finds something, which is returned; raises after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not appear within {within:g} seconds")
        time.sleep(0.05)


def post(url: str, headers: dict[str, str] | None = None) -> tuple[int, dict, dict[str, str]]:
    """Posts an empty object; returns the status, the JSON of the answer, and the headers."""
    request = urllib.request.Request(url, b"{}", headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response), lower_case(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}"), lower_case(error.headers)


def lower_case(headers: Message) -> dict[str, str]:
    """The headers under lower-case names."""
    return {name.lower(): value for name, value in headers.items()}


def free_port() -> int:
    """A local port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

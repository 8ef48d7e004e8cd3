#!/usr/bin/env python3
"""Compares the transitions per second of `crates/states` and of MiniStack, on one state machine.

    .venv/bin/python tests/emulator/transitions.py

The two take turns: first our bench runs, then MiniStack runs the same ten states with the same
answers to their tasks. MiniStack is measured twice. The first measurement is what its users get:
many executions at a time, which are started and polled over its API. The second measurement takes
the times of the states from the history of one execution at a time. It leaves out HTTP, and the
pause that MiniStack makes before each execution.
"""

import concurrent.futures
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import boto3

import process
from smoke.stack_under_test import free_port

MACHINE = ROOT / "crates/states/benches/ten_states/machine.asl.json"
ANSWERS = ROOT / "crates/states/benches/ten_states/mocks.json"
BENCH = ["cargo", "bench", "--quiet", "-p", "states", "--bench", "transitions"]
ROUNDS = 3
TOGETHER = 16
OVER_THE_API = 200
ALONE = 40
STATES = 10


def main() -> int:
    """Prints one line for each measurement, with the median of the rounds."""
    # Only the state machine is timed: without policies, and with mocked answers instead of
    # functions.
    os.environ.update(EMULATOR_IAM="off", SFN_MOCK_CONFIG=str(ANSWERS))
    emulator = process.Emulator(ROOT, free_port())
    try:
        client = boto3.client(
            "stepfunctions",
            endpoint_url=emulator.start(30.0),
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        machine = client.create_state_machine(
            name="ten-states",
            definition=MACHINE.read_text(),
            roleArn="arn:aws:iam::000000000000:role/ten-states",
        )["stateMachineArn"]
        rounds = [
            (ours(), over_the_api(client, machine), by_its_history(client, machine))
            for _ in range(ROUNDS)
        ]
    finally:
        emulator.stop()
    own, api, history = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"states: {own:.0f} transitions/s")
    print(f"MiniStack, over its API: {api:.0f} transitions/s; ours is {own / api:.0f} times that")
    print(
        f"MiniStack, by its own history: {history:.0f} transitions/s; "
        f"ours is {own / history:.0f} times that"
    )
    return 0


def ours() -> float:
    """State transitions per second in our bench."""
    printed = subprocess.run(BENCH, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.search(r"states: (\d+) transitions/s", printed)
    if not found:
        sys.exit(f"transitions: the bench printed {printed!r}")
    return float(found[1])


def over_the_api(client: Any, machine: str) -> float:
    """State transitions per second of many executions at once, from the first start to the last end."""
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(lambda _: execute(client, machine), range(OVER_THE_API)))
    return OVER_THE_API * STATES / (time.monotonic() - started)


def by_its_history(client: Any, machine: str) -> float:
    """State transitions per second between the first state's entry and the execution's end."""
    spent = 0.0
    for _ in range(ALONE):
        arn = execute(client, machine)
        events = client.get_execution_history(executionArn=arn)["events"]
        entered = next(event for event in events if event["type"].endswith("StateEntered"))
        spent += (events[-1]["timestamp"] - entered["timestamp"]).total_seconds()
    return ALONE * STATES / spent if spent else float("inf")


def execute(client: Any, machine: str) -> str:
    """Runs the state machine to its end; raises unless it succeeds as ours does."""
    arn = client.start_execution(
        stateMachineArn=f"{machine}#Answers", input=json.dumps({"n": 7, "order": "1073459984"})
    )["executionArn"]
    while True:
        execution = client.describe_execution(executionArn=arn)
        if execution["status"] != "RUNNING":
            break
        time.sleep(0.01)
    output = json.loads(execution.get("output", "null"))
    if execution["status"] != "SUCCEEDED" or output.get("answer") is not True:
        sys.exit(f"transitions: MiniStack ended with {execution['status']}: {output}")
    return arn


if __name__ == "__main__":
    sys.exit(main())

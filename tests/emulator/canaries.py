"""Searches everything that a stack stores for texts: tables, queues, logs, and histories of executions."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from deployed_shop import MACHINES, log_groups, logged, shop

Place = tuple[str, Any]


def places_of(needles: Iterable[str]) -> set[str]:
    """The tables, queues, log groups and executions of the stack that hold one of the texts."""
    needles = list(needles)
    found = set()
    for place, kept in everything():
        text = json.dumps(kept, default=str, ensure_ascii=False)
        if any(needle in text for needle in needles):
            found.add(place)
    return found


def everything() -> Iterator[Place]:
    """The content of each place, with the place's name."""
    yield from _tables()
    yield from _queues()
    yield from _logs()
    yield from _executions()


def table_of_keys() -> str:
    """The name of the table of people's keys."""
    tables = shop.client("dynamodb").list_tables()["TableNames"]
    return next(name for name in tables if "PersonKeys" in name)


def key_of(customer: str) -> str | None:
    """A customer's key, as the table of keys stores it; None once the customer was forgotten."""
    items = dict(_tables())[f"table {table_of_keys()}"]
    kept = next(item for item in items if item["person"]["S"] == customer)
    return kept["key"]["S"] if "key" in kept else None


def _tables() -> Iterator[Place]:
    database = shop.client("dynamodb")
    for name in database.list_tables()["TableNames"]:
        pages = database.get_paginator("scan").paginate(TableName=name)
        yield f"table {name}", [item for page in pages for item in page["Items"]]


def _queues() -> Iterator[Place]:
    """Reads messages without hiding them from the queues' consumers."""
    sqs = shop.client("sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        seen: dict[str, Any] = {}
        while True:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=0,
                MessageAttributeNames=["All"],
            )
            news = {it["MessageId"]: it for it in answer.get("Messages", [])}
            if not news.keys() - seen.keys():
                break
            seen |= news
        yield f"queue {url}", list(seen.values())


def _logs() -> Iterator[Place]:
    for group in log_groups():
        yield f"log {group}", logged(group)


def _executions() -> Iterator[Place]:
    states = shop.client("stepfunctions")
    for machine in MACHINES:
        arn = shop.outputs[f"{machine}MachineArn"]
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=arn)
        for execution in (one for page in pages for one in page["executions"]):
            name = execution["executionArn"]
            history = states.get_execution_history(executionArn=name, maxResults=1000)
            told = [states.describe_execution(executionArn=name), history["events"]]
            yield f"execution {name}", told

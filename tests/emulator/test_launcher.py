"""Tests on a stack that `sam` deployed that the launcher closes each of MiniStack's gaps.

Run with `.venv/bin/python tests/emulator/test_launcher.py`; it takes a free port, and cleans up.
"""

import json
import sys
import time
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from botocore.exceptions import ClientError

import sentence_tests
from ministack_launcher import hooks, launcher
from smoke.outside_world import OutsideWorld
from smoke.stack_under_test import StackUnderTest, post, wait_for

# How many seconds the tests wait for something to happen, also on a busy machine.
PATIENCE = 30.0

world: OutsideWorld
stack: StackUnderTest


def setUpModule() -> None:
    """Starts an emulator and deploys the smoke template; a second deployment proves updates."""
    global world, stack
    world = OutsideWorld()
    unittest.addModuleCleanup(world.close)
    stack = StackUnderTest(world.url)
    unittest.addModuleCleanup(stack.stop)
    stack.deploy()
    stack.deploy(ApiKey="second-key", JwtIssuer=world.url)


class HookPoints(unittest.TestCase):
    def a_hook_that_vanished_is_named(self) -> None:
        gone = hooks.HookPoint("ministack.services.eventbridge", "_vanished")
        changed = hooks.HookPoint("ministack.services.eventbridge", "_put_events", ("data",))
        with self.assertRaises(hooks.HookVanished) as caught:
            hooks.verify([gone, changed])
        self.assertIn("eventbridge._vanished does not exist", str(caught.exception))
        self.assertIn("eventbridge._put_events('data', 'allow_aws_source')", str(caught.exception))

    def every_hook_of_the_launcher_fits_the_pinned_ministack(self) -> None:
        hooks.verify([point for gap in launcher.GAPS for point in gap.HOOK_POINTS])


class Functions(unittest.TestCase):
    def a_failing_function_is_retried_and_then_reported_to_its_failure_queue(self) -> None:
        event_id = stack.put("Consume", fail=True)
        record = stack.take(
            "FunctionFailures", lambda body: body["requestPayload"]["id"] == event_id
        )
        context = record["body"]["requestContext"]
        self.assertEqual(context["condition"], "RetriesExhausted")
        self.assertEqual(context["approximateInvokeCount"], 3)
        self.assertEqual(context["functionArn"], stack.outputs["ConsumerArn"] + ":$LATEST")
        self.assertEqual(record["body"]["responseContext"]["functionError"], "Unhandled")
        self.assertEqual(record["body"]["responsePayload"]["errorType"], "AskedToFail")

    def an_event_that_grows_too_old_is_reported_without_a_retry(self) -> None:
        event_id = stack.put("ConsumeSoon", fail=True)
        record = stack.take(
            "FunctionFailures", lambda body: body["requestPayload"]["id"] == event_id
        )
        context = record["body"]["requestContext"]
        self.assertEqual(context["condition"], "EventAgeExceeded")
        self.assertEqual(context["approximateInvokeCount"], 1)

    def a_catch_all_rule_sees_every_event(self) -> None:
        event_id = stack.put("OfNoInterestToOthers")
        self.assertEqual(invoked(event_id)["function"], stack.outputs["Everything"])


class Roles(unittest.TestCase):
    def a_function_may_do_only_what_its_role_allows(self) -> None:
        event_id = stack.put("Silence")
        record = stack.take(
            "FunctionFailures", lambda body: body["requestPayload"]["id"] == event_id
        )
        self.assertEqual(record["body"]["requestContext"]["approximateInvokeCount"], 1)

    def a_state_machine_may_do_only_what_its_role_allows(self) -> None:
        end = ended(start("PowerlessMachine", "powerless"))
        refused = ["may not call", "may not start", "may not say"]
        self.assertEqual(json.loads(end.get("output", "null")), refused, end)

    def a_role_may_put_only_its_own_events_on_the_bus(self) -> None:
        events = stack.client("events", role=stack.outputs["PublisherArn"])

        def put(*entries: tuple[str, str]) -> None:
            bus = stack.outputs["Bus"]
            keys = ("Source", "DetailType", "EventBusName", "Detail")
            events.put_events(
                Entries=[dict(zip(keys, (*entry, bus, "{}"), strict=True)) for entry in entries]
            )

        put(("smoke", "Permitted"), ("smoke", "AlsoPermitted"))
        for refused in (("smoke", "Enqueue"), ("other", "Permitted")):
            with self.assertRaises(ClientError):
                put(("smoke", "Permitted"), refused)


class DeadLetters(unittest.TestCase):
    def an_event_for_a_missing_function_is_dead_lettered_at_once(self) -> None:
        arn = stack.outputs["ConsumerArn"] + "-gone"
        rule = stack.add_rule("MissingFunction", {"Arn": arn})
        letter = dead_letter(stack.put("MissingFunction", order="42"))
        self.assertEqual(letter["body"]["detail"], {"order": "42"})
        attributes = letter["attributes"]
        self.assertIn("does not exist", attributes.pop("ERROR_MESSAGE"))
        expected = {"RULE_ARN": rule, "TARGET_ARN": arn, "ERROR_CODE": "NO_RESOURCE"}
        self.assertEqual(attributes, {**expected, "RETRY_ATTEMPTS": "0"})

    def an_event_for_a_missing_queue_or_state_machine_is_dead_lettered(self) -> None:
        stack.add_rule("MissingQueue", {"Arn": stack.outputs["RuleDeadLettersArn"] + "-gone"})
        stack.add_rule("MissingMachine", {"Arn": stack.outputs["Machine"] + "-gone"})
        for detail_type in ("MissingQueue", "MissingMachine"):
            letter = dead_letter(stack.put(detail_type))
            self.assertEqual(letter["attributes"]["ERROR_CODE"], "NO_RESOURCE", detail_type)

    def a_queue_without_a_policy_for_the_rule_refuses_its_event(self) -> None:
        letter = dead_letter(stack.put("EnqueueUnpermitted"))
        self.assertEqual(letter["attributes"]["ERROR_CODE"], "NO_PERMISSIONS")

    def a_policy_bound_to_another_rule_does_not_permit_this_one(self) -> None:
        target = {"Arn": stack.outputs["Orders"], "SqsParameters": {"MessageGroupId": "orders"}}
        stack.add_rule("EnqueueFromElsewhere", target)
        letter = dead_letter(stack.put("EnqueueFromElsewhere"))
        self.assertEqual(letter["attributes"]["ERROR_CODE"], "NO_PERMISSIONS")

    def a_function_without_a_permission_for_the_rule_is_not_invoked(self) -> None:
        stack.add_rule("ConsumeFromElsewhere", {"Arn": stack.outputs["ConsumerArn"]})
        letter = dead_letter(stack.put("ConsumeFromElsewhere"))
        self.assertEqual(letter["attributes"]["ERROR_CODE"], "NO_PERMISSIONS")


class Queues(unittest.TestCase):
    def a_rule_feeds_a_fifo_queue_under_its_message_group(self) -> None:
        event_id = stack.put("Enqueue", order="1")
        record = invoked(event_id, by="OrderWorker")["event"]["Records"][0]
        self.assertEqual(record["attributes"]["MessageGroupId"], "orders")

    def a_poisoned_message_fails_alone_in_its_batch(self) -> None:
        names = ("sound-before", "poison", "sound-after")
        stack.send_batch("Orders", *({"id": name} for name in names))
        records = invoked("poison", by="OrderWorker")["event"]["Records"]
        self.assertEqual(len(records), 3)
        stack.take("QueueDeadLetters", lambda body: body["id"] == "poison")
        self.assertEqual(stack.drain("QueueDeadLetters"), [])


class StateMachines(unittest.TestCase):
    def a_rule_starts_a_state_machine_with_the_event(self) -> None:
        event_id = stack.put("Orchestrate")
        calls = [invoked(event_id, by="Everything") for _ in ("the rule's", "the machine's")]
        self.assertEqual([call["event"]["id"] for call in calls], [event_id, event_id])

    def a_task_that_waits_for_a_token_fails_with_the_function_it_called(self) -> None:
        execution = start("WaitingMachine", "failing")
        end = ended(execution)
        self.assertEqual((end["status"], end["error"]), ("FAILED", "AskedToFail"))
        tokens = {token_of("failing") for _ in ("the first attempt", "the second")}
        self.assertEqual(len(tokens), 2, "each attempt has a token of its own")

    def an_execution_has_a_name_that_no_other_has(self) -> None:
        states = stack.client("stepfunctions")
        start("PatientMachine", "unique", heartbeat=30, timeout=30)
        with self.assertRaises(states.exceptions.ExecutionAlreadyExists):
            start("PatientMachine", "unique")
        answer(token_of("unique"), word="Over")


class Waits(unittest.TestCase):
    def a_wait_without_a_heartbeat_fails_as_its_path_says(self) -> None:
        end = ended(start("PatientMachine", "unseen", heartbeat=1, timeout=30))
        self.assertEqual(json.loads(end["output"]), {"end": "nobody looked"})

    def a_heartbeat_keeps_a_wait_alive_until_its_time_is_over(self) -> None:
        states = stack.client("stepfunctions")
        execution = start("PatientMachine", "undecided", heartbeat=2, timeout=5)
        token = token_of("undecided")
        for _ in range(8):
            states.send_task_heartbeat(taskToken=token)
            time.sleep(0.5)
        self.assertEqual(json.loads(ended(execution)["output"]), {"end": "nobody decided"})
        with self.assertRaises(states.exceptions.TaskTimedOut):
            states.send_task_heartbeat(taskToken=token)

    def a_token_takes_one_answer_and_an_unknown_one_takes_none(self) -> None:
        states = stack.client("stepfunctions")
        execution = start("PatientMachine", "answered", heartbeat=30, timeout=30)
        token = token_of("answered")
        answer(token, word="First")
        with self.assertRaises(states.exceptions.TaskTimedOut):
            answer(token, word="Second")
        self.assertEqual(json.loads(ended(execution)["output"]), {"word": "First"})
        with self.assertRaises(states.exceptions.InvalidToken):
            answer("nobody's", word="Third")

    def only_a_role_of_the_machine_may_answer(self) -> None:
        answerer = stack.client("stepfunctions", role=stack.outputs["AnswererArn"])
        execution = start("PatientMachine", "guarded", heartbeat=30, timeout=30)
        token = token_of("guarded")
        with self.assertRaises(ClientError) as refused:
            stranger = stack.client("stepfunctions", role=stack.outputs["PublisherArn"])
            stranger.send_task_success(taskToken=token, output="{}")
        self.assertEqual(refused.exception.response["Error"]["Code"], "AccessDeniedException")
        with self.assertRaises(ClientError):
            answerer.send_task_heartbeat(taskToken=token)
        answerer.send_task_success(taskToken=token, output='{"word": "Granted"}')
        self.assertEqual(json.loads(ended(execution)["output"]), {"word": "Granted"})


class Parts(unittest.TestCase):
    def a_machine_runs_another_to_its_end_and_says_what_came_of_it(self) -> None:
        execution = start("WholeMachine", "whole", name="whole")
        answer(token_of("whole-2"), word="PartDone")
        self.assertEqual(ended(execution)["status"], "SUCCEEDED")
        call = invoked("PartDone")["event"]
        self.assertEqual((call["detail-type"], call["detail"]), ("PartDone", {"order": "whole"}))

    def a_part_is_never_run_again_under_the_same_name(self) -> None:
        start("PatientMachine", "taken-2", heartbeat=30, timeout=30)
        end = ended(start("WholeMachine", "taken", name="taken"))
        self.assertEqual(end["error"], "StepFunctions.ExecutionAlreadyExistsException")
        answer(token_of("taken-2"), word="Over")


class ApiDestinations(unittest.TestCase):
    def a_call_carries_the_key_the_path_and_the_event(self) -> None:
        event_id = stack.put("Call", path="order 1")
        request = called("/key/order%201")[0]
        self.assertEqual(request.headers["x-api-key"], "second-key")
        self.assertEqual(request.body["id"], event_id)

    def basic_and_oauth_connections_authorize_their_calls(self) -> None:
        stack.put("CallOthers")
        self.assertEqual(
            called("/basic")[0].headers["authorization"], "Basic Y2FycmllcjpzZWNvbmQta2V5"
        )
        self.assertEqual(called("/oauth")[0].headers["authorization"], "Bearer granted")

    def a_failing_endpoint_is_retried_and_then_dead_lettered(self) -> None:
        world.statuses["/key/down"] = [500] * 10
        letter = dead_letter(stack.put("Call", path="down"))
        self.assertEqual(letter["attributes"]["EXHAUSTED_RETRY_CONDITION"], "MaximumRetryAttempts")
        self.assertEqual(letter["attributes"]["RETRY_ATTEMPTS"], "3")
        self.assertEqual(letter["attributes"]["ERROR_CODE"], "SDK_CLIENT_ERROR")
        self.assertIn("500", letter["attributes"]["ERROR_MESSAGE"])
        self.assertEqual(len(world.to("/key/down")), 4)

    def an_endpoint_that_recovers_gets_its_event(self) -> None:
        world.statuses["/key/recovers"] = [503, 429]
        event_id = stack.put("Call", path="recovers")
        requests = called("/key/recovers", times=3)
        self.assertEqual({request.body["id"] for request in requests}, {event_id})

    def a_refusal_is_dead_lettered_without_a_retry(self) -> None:
        world.statuses["/key/refused"] = [400]
        letter = dead_letter(stack.put("Call", path="refused"))
        self.assertEqual(letter["attributes"]["RETRY_ATTEMPTS"], "0")
        self.assertNotIn("EXHAUSTED_RETRY_CONDITION", letter["attributes"])

    def retries_end_when_the_event_is_too_old(self) -> None:
        world.statuses["/key/patience"] = [500] * 100
        letter = dead_letter(stack.put("CallPatiently", path="patience"))
        condition = letter["attributes"]["EXHAUSTED_RETRY_CONDITION"]
        self.assertEqual(condition, "MaximumEventAgeInSeconds")
        self.assertEqual(letter["attributes"]["RETRY_ATTEMPTS"], "5")

    def calls_keep_to_the_rate_of_their_destination(self) -> None:
        for _ in range(6):
            stack.put("Call", path="rate")
        times = sorted(request.at for request in called("/key/rate", times=6))
        self.assertGreater(times[-1] - times[0], 0.45)


class HttpApis(unittest.TestCase):
    def a_sam_http_api_routes_to_its_function(self) -> None:
        status, body, headers = post(
            stack.outputs["ApiUrl"] + "/orders/7", {"Origin": "https://shop.example"}
        )
        self.assertEqual((status, body["path"]), (201, {"id": "7"}))
        self.assertEqual(headers["access-control-allow-origin"], "https://shop.example")
        self.assertEqual(post(stack.outputs["ApiUrl"] + "/nowhere")[0], 404)

    def a_jwt_authorizer_admits_only_a_valid_token(self) -> None:
        url = stack.outputs["GuardedApiUrl"] + "/orders/7"
        self.assertEqual(post(url)[0], 401)
        wrong = {"Authorization": f"Bearer {world.token('another-shop')}"}
        self.assertEqual(post(url, wrong)[0], 401)
        status, body, _ = post(url, {"Authorization": f"Bearer {world.token('shop')}"})
        self.assertEqual((status, body["claims"]["sub"]), (201, "customer-1"))


class Replays(unittest.TestCase):
    def a_replay_reaches_only_the_rules_it_names(self) -> None:
        start = int(time.time())
        event_id = stack.put("Enqueue", order="replayed")
        invoked(event_id, by="OrderWorker")
        invoked(event_id, by="Everything")
        stack.client("events").start_replay(
            ReplayName=f"replay-{start}",
            EventSourceArn=stack.outputs["ArchiveArn"],
            EventStartTime=start,
            EventEndTime=time.time() + 1,
            Destination={
                "Arn": stack.outputs["BusArn"],
                "FilterArns": [stack.outputs["ToOrdersArn"]],
            },
        )
        again = invoked(event_id, by="OrderWorker")["event"]["Records"][0]
        self.assertIn(f"replay-{start}", again["body"])
        self.assertFalse([call for call in witnesses() if mentions(call, event_id)])


def start(machine: str, execution: str, **given: Any) -> str:
    """Starts an execution of this name; returns its ARN."""
    started = stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.outputs[machine], name=execution, input=json.dumps(given)
    )
    return started["executionArn"]


def ended(execution: str) -> dict:
    """Waits until the execution has ended, and returns it."""
    states = stack.client("stepfunctions")

    def look() -> dict | None:
        found = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    return wait_for(look, PATIENCE, f"the end of {execution}")


def token_of(execution: str) -> str:
    """Waits for the token with which an execution of this name waits, and returns it."""

    def look() -> dict | None:
        for call in witnesses():
            if call["event"].get("name") == execution and "token" in call["event"]:
                seen.remove(call)
                return call
        return None

    return wait_for(look, PATIENCE, f"the token of {execution}")["event"]["token"]


def answer(token: str, **output: Any) -> None:
    """Answers the task that waits with this token."""
    states = stack.client("stepfunctions")
    states.send_task_success(taskToken=token, output=json.dumps(output))


seen: list[dict] = []


def witnesses() -> list[dict]:
    """The invocations reported so far that no test has taken."""
    seen.extend(message["body"] for message in stack.drain("Witness"))
    return seen


def mentions(call: dict, event_id: str) -> bool:
    """Whether an invocation was for this event."""
    return event_id in str(call["event"])


def invoked(event_id: str, by: str = "Everything") -> dict:
    """Waits for the report of this function's invocation by this event, and returns it."""

    def look() -> dict | None:
        for call in witnesses():
            if call["function"] == stack.outputs[by] and mentions(call, event_id):
                seen.remove(call)
                return call
        return None

    return wait_for(look, PATIENCE, f"an invocation of {by} for {event_id}")


def dead_letter(event_id: str) -> dict:
    """Waits for the dead letter of this event, and returns it."""
    return stack.take("RuleDeadLetters", lambda body: body["id"] == event_id)


def called(path: str, times: int = 1) -> list:
    """Waits until this path got as many requests as expected, and returns them."""
    wait_for(lambda: len(world.to(path)) >= times, PATIENCE, f"{times} requests to {path}")
    return world.to(path)


if __name__ == "__main__":
    sentence_tests.main()

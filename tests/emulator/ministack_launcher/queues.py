"""Sends to an emulated SQS queue as an AWS service does: by ARN, under the queue's policy."""

from ministack.core import iam_evaluator, responses
from ministack.services import sqs

from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    HookPoint(sqs.__name__, "_act_send_message", ("data", "qurl")),
    HookPoint(sqs.__name__, "_queue_by_arn", ("arn",)),
    HookPoint(sqs.__name__, "_queue_url_for_account", ("account_id", "name")),
    HookPoint(sqs.__name__, "_Err"),
    HookPoint(iam_evaluator.__name__, "EvalContext"),
    HookPoint(
        iam_evaluator.__name__,
        "evaluate_resource_policy",
        ("doc", "ctx", "service", "named_only", "direct_only"),
    ),
)

EVENTBRIDGE = "events.amazonaws.com"


class Refused(Exception):
    """A queue did not accept a message."""


class QueueMissing(Refused):
    """No queue has this ARN."""


class NotPermitted(Refused):
    """The queue's policy does not allow this rule to send to it."""


def require_permission(queue_arn: str, rule_arn: str) -> None:
    """Raises unless the queue exists and its policy allows EventBridge's rule to send to it."""
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        raise QueueMissing(f"the queue {queue_arn} does not exist")
    policy = queue["attributes"].get("Policy") or None
    if not allows(policy, "sqs:SendMessage", queue_arn, rule_arn):
        raise NotPermitted(f"the policy of {queue_arn} does not allow {rule_arn} to send to it")


def allows(policy: str | dict | None, action: str, resource: str, source_arn: str) -> bool:
    """Whether a resource's policy lets EventBridge do `action` on behalf of `source_arn`."""
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=responses.get_region(),
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": responses.get_account_id(),
        },
    )
    result = iam_evaluator.evaluate_resource_policy(policy, context, service=EVENTBRIDGE)
    return result.decision == "Allow"


def send(
    queue_arn: str,
    body: str,
    *,
    attributes: dict[str, str] | None = None,
    group_id: str | None = None,
) -> None:
    """Sends one message to the queue of this ARN, with string attributes and a FIFO group."""
    if sqs._queue_by_arn(queue_arn) is None:
        raise QueueMissing(f"the queue {queue_arn} does not exist")
    account, name = queue_arn.split(":")[4:6]
    url = sqs._queue_url_for_account(account, name)
    message = {
        "QueueUrl": url,
        "MessageBody": body,
        "MessageAttributes": {
            key: {"DataType": "String", "StringValue": value}
            for key, value in (attributes or {}).items()
            if value
        },
    }
    if group_id:
        message["MessageGroupId"] = group_id
    try:
        sqs._act_send_message(message, url)
    except sqs._Err as error:
        raise Refused(f"{queue_arn}: {error.code}: {error.message}") from error

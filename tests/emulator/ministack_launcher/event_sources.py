"""Event source mappings whose concurrency is a text, because it comes from a parameter."""

from typing import Any

from ministack.services import lambda_svc

from ministack_launcher import hooks
from ministack_launcher.hooks import HookPoint

HOOK_POINTS = (
    HookPoint(
        lambda_svc.__name__, "_sqs_esm_concurrency", ("esm", "func_rec", "config", "queue")
    ),
)

_sqs_esm_concurrency = lambda_svc._sqs_esm_concurrency


def install() -> None:
    """Replaces the function that reads the concurrency, so that it accepts a number as text."""
    hooks.replace(lambda_svc, "_sqs_esm_concurrency", concurrency)


def concurrency(esm: dict, func_rec: dict, config: dict, queue: dict | None = None) -> int:
    """How many batches of the queue are in flight at most."""
    return _sqs_esm_concurrency(with_number(esm), func_rec, config, queue)


def with_number(esm: dict[str, Any]) -> dict[str, Any]:
    """The mapping with its limit as a number."""
    scaling = esm.get("ScalingConfig") or {}
    if "MaximumConcurrency" not in scaling:
        return esm
    limit = int(scaling["MaximumConcurrency"])
    return {**esm, "ScalingConfig": {**scaling, "MaximumConcurrency": limit}}

"""The wiring: which gaps are closed, and in which order."""

import sys

from ministack_launcher import (
    api_destinations,
    async_invocation,
    cloudformation_types,
    cross_account,
    event_clock,
    event_sources,
    hooks,
    http_api,
    iam_conditions,
    integrations,
    replay,
    rule_targets,
    task_tokens,
)

GAPS = (
    cloudformation_types,
    http_api,
    cross_account,
    rule_targets,
    api_destinations,
    async_invocation,
    replay,
    iam_conditions,
    task_tokens,
    integrations,
    event_sources,
)


def main() -> int:
    """Closes every gap and serves until stopped; returns 1 if MiniStack or a setting does not
    fit."""
    try:
        event_clock.time_scale()
        close_gaps()
    except (hooks.HookVanished, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    from ministack.app import main as serve

    return serve() or 0


def close_gaps() -> None:
    """Verifies every hook point of every module first, and only then replaces anything."""
    hooks.verify([point for gap in GAPS for point in gap.HOOK_POINTS])
    for gap in GAPS:
        gap.install()

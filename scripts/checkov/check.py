#!/usr/bin/env python3
"""Compares what checkov finds in CloudFormation templates with what is accepted in accepted.txt.

    check.py TEMPLATE…
"""

import json
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ACCEPTED = HERE / "accepted.txt"
# It asks nobody: neither for policies of a platform nor for newer versions of itself.
OFFLINE = ("--framework=cloudformation", "--skip-download", "--output=json", "--compact")
SECONDS = 120


class Accepted(NamedTuple):
    """A line of the file: findings of this check on these resources are left so."""

    check: str
    resources: str
    reason: str


class Finding(NamedTuple):
    """What checkov reports of a resource."""

    check: str
    resource: str
    meaning: str


def main(templates: list[str]) -> int:
    """Prints what is not accepted, and what is accepted in vain; 0 where there is neither."""
    accepted, found = read(ACCEPTED.read_text()), findings(templates)
    wrong = compare(accepted, found)
    print("\n".join(wrong) or f"{len(found)} findings of checkov, all accepted with a reason")
    return 1 if wrong else 0


def read(text: str) -> list[Accepted]:
    """The lines of the file; one without a reason is an error."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [Accepted(*line.split(" ", 2)) for line in lines]


def compare(accepted: list[Accepted], found: list[Finding]) -> list[str]:
    """What is wrong, a line each."""

    def fits(line: Accepted, finding: Finding) -> bool:
        return line.check == finding.check and fnmatchcase(finding.resource, line.resources)

    new = [f for f in found if not any(fits(line, f) for line in accepted)]
    vain = [line for line in accepted if not any(fits(line, f) for f in found)]
    return [f"{f.resource}: {f.meaning} ({f.check})" for f in new] + [
        f"{ACCEPTED.name}: nothing is found any more of: {line.check} {line.resources}" for line in vain
    ]


def findings(templates: list[str]) -> list[Finding]:
    """All that checkov reports of the templates."""
    command = [Path(sys.executable).with_name("checkov"), *OFFLINE, "--file", *templates]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    try:
        reports: Any = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"checkov: {done.stdout}{done.stderr}") from None
    reports = reports if isinstance(reports, list) else [reports]
    if not all("results" in report for report in reports):
        raise SystemExit(f"checkov read none of {templates}: {reports}")
    broken = [name for report in reports for name in report["results"]["parsing_errors"]]
    if broken:
        raise SystemExit(f"checkov cannot parse {broken}")
    failed = [check for report in reports for check in report["results"]["failed_checks"]]
    return [Finding(it["check_id"], it["resource"], it["check_name"]) for it in failed]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

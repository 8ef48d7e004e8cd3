#!/usr/bin/env python3
"""Compares checkov's findings in CloudFormation templates with those accepted in accepted.txt.

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
# Checkov must not use the network: neither for policies of its platform nor for updates.
OFFLINE = ("--framework=cloudformation", "--skip-download", "--output=json", "--compact")
SECONDS = 120


class Accepted(NamedTuple):
    """A line of accepted.txt: findings of this check on these resources are accepted."""

    check: str
    resources: str
    reason: str


class Finding(NamedTuple):
    """A finding of checkov about a resource."""

    check: str
    resource: str
    meaning: str


def main(templates: list[str]) -> int:
    """Prints findings that are not accepted, and lines without a finding. Returns 0 if there are neither."""
    accepted, found = read(ACCEPTED.read_text()), findings(templates)
    wrong = compare(accepted, found)
    print("\n".join(wrong) or f"{len(found)} findings of checkov, all accepted with a reason")
    return 1 if wrong else 0


def read(text: str) -> list[Accepted]:
    """Parses accepted.txt; a line without a reason is an error."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [Accepted(*line.split(" ", 2)) for line in lines]


def compare(accepted: list[Accepted], found: list[Finding]) -> list[str]:
    """The differences, one line for each."""

    def fits(line: Accepted, finding: Finding) -> bool:
        return line.check == finding.check and fnmatchcase(finding.resource, line.resources)

    new = [f for f in found if not any(fits(line, f) for line in accepted)]
    vain = [line for line in accepted if not any(fits(line, f) for f in found)]
    return [f"{f.resource}: {f.meaning} ({f.check})" for f in new] + [
        f"{ACCEPTED.name}: remove this line, which no longer accepts a finding: {line.check} {line.resources}" for line in vain
    ]


def findings(templates: list[str]) -> list[Finding]:
    """All findings of checkov in the templates."""
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

#!/usr/bin/env python3
"""Lints the CloudFormation that samtranslator makes from a SAM template, with cfn-lint.

    .venv/bin/python tests/emulator/lint.py template.yaml

`sam validate --lint` hardly checks SAM's own resources. This script checks their translation.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from cfnlint import ManualArgs
from cfnlint.api import lint as lint_cloudformation
from samtranslator.public.exceptions import InvalidDocumentException

from translation import translated


def main(arguments: list[str]) -> int:
    """Prints each finding; returns 0 if there is none."""
    findings = [finding for name in arguments for finding in lint(Path(name))]
    print("\n".join(findings) or "no findings")
    return 1 if findings else 0


def lint(template: Path) -> list[str]:
    """The findings of the translator and of cfn-lint."""
    try:
        document = translated(template)
    except InvalidDocumentException as error:
        return [f"{template}: {cause.message}" for cause in error.causes]
    settings = ManualArgs(regions=[os.environ["AWS_DEFAULT_REGION"]])
    matches = lint_cloudformation(json.dumps(document), config=settings)
    return [f"{template}: {'/'.join(map(str, match.path))}: {match}" for match in matches]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""Lints a SAM template as what it becomes: samtranslator's CloudFormation, through cfn-lint.

    .venv/bin/python tests/emulator/lint.py template.yaml

`sam validate --lint` barely looks inside SAM's own resources; their translation is looked into.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from cfnlint import ManualArgs
from cfnlint.api import lint as lint_cloudformation
from samcli.yamlhelper import yaml_parse
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform

PACKAGED_CODE = "s3://packaged/code.zip"
PACKAGED_TEMPLATE = "https://packaged.s3.amazonaws.com/template.yaml"


class NoManagedPolicies:
    """Policies given by ARN need no look-up of their names in an account."""

    def load(self) -> dict[str, str]:
        """The names known: none."""
        return {}


def main(arguments: list[str]) -> int:
    """Prints each finding; 0 when there is none."""
    findings = [finding for name in arguments for finding in lint(Path(name))]
    print("\n".join(findings) or "no findings")
    return 1 if findings else 0


def lint(template: Path) -> list[str]:
    """The findings of the translator and of cfn-lint."""
    document = yaml_parse(template.read_text())
    sections = [*document.get("Globals", {}).values(), *properties_of(document)]
    for properties in sections:
        package(properties, template.parent)
    try:
        translated = transform(document, {}, NoManagedPolicies())
    except InvalidDocumentException as error:
        return [f"{template}: {cause.message}" for cause in error.causes]
    settings = ManualArgs(regions=[os.environ["AWS_DEFAULT_REGION"]])
    matches = lint_cloudformation(json.dumps(translated), config=settings)
    return [f"{template}: {'/'.join(map(str, match.path))}: {match}" for match in matches]


def properties_of(document: dict) -> list[dict]:
    """The properties of every resource."""
    return [resource.get("Properties", {}) for resource in document["Resources"].values()]


def package(properties: dict, base: Path) -> None:
    """Puts code where `sam deploy` would put it, and a state machine's definition in its place."""
    if isinstance(properties.get("CodeUri"), str):
        properties["CodeUri"] = PACKAGED_CODE
    if isinstance(properties.get("TemplateURL"), str):
        properties["TemplateURL"] = PACKAGED_TEMPLATE
    if isinstance(properties.get("DefinitionUri"), str):
        properties["Definition"] = json.loads((base / properties.pop("DefinitionUri")).read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

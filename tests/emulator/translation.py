"""A SAM template as the CloudFormation that AWS makes from it, by SAM's own translator."""

import json
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

# Where the code and the nested template would be after `sam deploy` had packaged them.
BUCKET = "packaged"
CODE, NESTED = "code.zip", "template.yaml"
PACKAGED_CODE = f"s3://{BUCKET}/{CODE}"
PACKAGED_TEMPLATE = f"https://{BUCKET}.s3.amazonaws.com/{NESTED}"


class NoManagedPolicies:
    """Returns no managed policies: policies given by ARN need no look-up by name."""

    def load(self) -> dict[str, str]:
        """The known names: none."""
        return {}


def translated(template: Path) -> dict:
    """Translates a template; raises samtranslator's InvalidDocumentException if it is invalid."""
    document = yaml_parse(template.read_text())
    for properties in [*document.get("Globals", {}).values(), *properties_of(document)]:
        package(properties, template.parent)
    return transform(document, {}, NoManagedPolicies())


def properties_of(document: dict) -> list[dict]:
    """The properties of every resource."""
    return [resource.get("Properties", {}) for resource in document["Resources"].values()]


def package(properties: dict, base: Path) -> None:
    """Replaces code by its place after `sam deploy`, and a state machine's file by its
    definition."""
    if isinstance(properties.get("CodeUri"), str):
        properties["CodeUri"] = PACKAGED_CODE
    if isinstance(properties.get("TemplateURL"), str):
        properties["TemplateURL"] = PACKAGED_TEMPLATE
    if isinstance(properties.get("DefinitionUri"), str):
        properties["Definition"] = json.loads((base / properties.pop("DefinitionUri")).read_text())

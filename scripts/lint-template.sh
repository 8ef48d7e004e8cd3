#!/usr/bin/env bash
# Lints the templates that are printed from design tables, offline: with AWS's tools, both as SAM and as the
# CloudFormation to which SAM transforms it, and with checkov. Findings of checkov are fixed, or accepted with
# a reason in scripts/checkov/accepted.txt. Our own checks are tests in infra/.
set -euo pipefail
cd "$(dirname "$0")/.."

tests/emulator/install.sh
export AWS_DEFAULT_REGION=${AWS_DEFAULT_REGION:-eu-central-1} SAM_CLI_TELEMETRY=0
export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none
if ! output=$(.venv/bin/sam validate --lint --template template.yaml 2>&1); then
    printf '%s\n' "$output" >&2
    exit 1
fi
.venv/bin/python tests/emulator/lint.py template.yaml infra/schema-registry.yaml infra/gatekeeper/template.yaml \
    infra/two-regions/template.yaml examples/help-desk/template.yaml
tests/emulator/install.sh scripts/checkov/requirements.txt .venv-checkov
.venv-checkov/bin/python scripts/checkov/test_check.py 2>&1 | tail -1
.venv-checkov/bin/python scripts/checkov/check.py template.yaml infra/schema-registry.yaml infra/gatekeeper/template.yaml infra/two-regions/template.yaml

#!/usr/bin/env python3
"""The AWS emulator on this machine: start, stop, status, deploy, destroy.

    emulator.py start                     start in the background, print the endpoint's URL
    emulator.py deploy --template T       `sam deploy` into it, print the stack's outputs as JSON
    emulator.py destroy --stack-name S    delete that stack
    emulator.py status                    what runs, as JSON
    emulator.py stop                      end it and remove its files (--keep-log keeps the log)

If AWS_ENDPOINT_URL is not set, the emulator is MiniStack behind our launcher, on --port or
$EMULATOR_PORT (4566). If it is set, that endpoint is used, such as LocalStack, and nothing is
started or stopped.
"""

import argparse
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
DEFAULT_PORT = 4566
DEFAULT_STACK = "chorus"


def main(arguments: list[str]) -> int:
    """Runs one command line; returns 0 if it succeeded."""
    options = parse(arguments)
    enter_virtual_environment()
    import deployment
    import prebuilt
    import process

    external = os.environ.get("AWS_ENDPOINT_URL")
    emulator = process.Emulator(ROOT, options.port)
    try:
        match options.command:
            case "start" if external:
                process.wait_until_ready(external, options.timeout)
                print(external)
            case "start":
                print(emulator.start(options.timeout))
            case "stop":
                emulator.stop(keep_log=options.keep_log)
            case "status":
                print(json.dumps(process.describe(external) if external else emulator.status()))
            case "deploy":
                url = external or emulator.running_url()
                stack = deployment.Stack(options.stack_name, url, options.account)
                template = options.template
                if options.binaries:
                    template = prebuilt.template_with_binaries(
                        template, options.binaries, emulator.folder / options.stack_name
                    )
                stack.deploy(template, options.parameter, options.timeout)
                print(json.dumps(stack.outputs(), indent=2))
            case "destroy":
                url = external or emulator.running_url()
                stack = deployment.Stack(options.stack_name, url, options.account)
                stack.destroy(options.timeout)
    except (process.EmulatorError, deployment.DeploymentError, prebuilt.BinaryMissing) as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of one command line."""
    port = int(os.environ.get("EMULATOR_PORT", DEFAULT_PORT))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, timeout in (
        ("start", 30),
        ("stop", 30),
        ("status", 5),
        ("deploy", 300),
        ("destroy", 120),
    ):
        command = commands.add_parser(name)
        command.add_argument("--port", type=int, default=port)
        command.add_argument("--timeout", type=float, default=timeout, help="seconds")
        if name == "stop":
            command.add_argument("--keep-log", action="store_true")
        if name in ("deploy", "destroy"):
            command.add_argument("--stack-name", default=DEFAULT_STACK)
            command.add_argument("--account", help="twelve digits; without it, the default account")
        if name == "deploy":
            command.add_argument("--template", type=Path, default=ROOT / "template.yaml")
            command.add_argument(
                "--binaries", type=Path, help="target/lambda or target/debug, instead of sam build"
            )
            command.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args(arguments)


def enter_virtual_environment() -> None:
    """Restarts this script with .venv's interpreter, where sam, boto3 and MiniStack are
    installed."""
    if Path(sys.prefix) == VENV_PYTHON.parent.parent:
        return
    if not VENV_PYTHON.exists():
        sys.exit(f"emulator: run {(HERE / 'install.sh').relative_to(ROOT)} first")
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), str(HERE / "emulator.py"), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

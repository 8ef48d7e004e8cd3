"""What an operator of the deployed shop runs: commands on the stack, and its console."""

import contextlib
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

from deployed_shop import PATIENCE, shop
from shop_stack import BINARIES, STACK, free_port, wait_for


def operate(command: str, *arguments: str, variables: dict[str, str] | None = None) -> str:
    """Runs an operator's command on the stack, and returns its output; raises if it reports an
    error."""
    call = [str(BINARIES / "chorus"), command, f"--stack={STACK}", *arguments]
    done = subprocess.run(
        call, env=environment() | (variables or {}), capture_output=True, text=True, timeout=60, check=False
    )
    if done.stderr:
        raise AssertionError(done.stderr)
    return done.stdout


@contextlib.contextmanager
def console() -> Iterator[Callable[[str], str]]:
    """Starts the console of the stack, and returns a function from a path to its page."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    call = [str(BINARIES / "chorus"), "console", f"--stack={STACK}", f"--port={port}"]
    call.append(f"--api={shop.outputs['ApiUrl']}")
    token = {"CHORUS_TOKEN": shop.operators_token()}
    process = subprocess.Popen(call, env=environment() | token, stdout=subprocess.DEVNULL)

    def page(path: str) -> str:
        with urllib.request.urlopen(address + path, timeout=30) as answer:
            return answer.read().decode()

    def answers() -> bool:
        with contextlib.suppress(urllib.error.URLError):
            return bool(page("/console"))
        return False

    try:
        wait_for(answers, PATIENCE, "the console")
        yield page
    finally:
        process.terminate()
        process.wait(10)


def environment() -> dict[str, str]:
    """The environment variables of an operator, with the emulator's credentials."""
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": shop.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }

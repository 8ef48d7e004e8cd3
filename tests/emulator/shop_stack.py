#!/usr/bin/env python3
"""The whole shop on an emulator: template.yaml as it is, the real binaries, the simulated carrier.

    shop_stack.py up      start, deploy, add some items, print the API's address and what to try
    shop_stack.py down    end all of it (--keep-log keeps the emulator's log)

$EMULATOR_PORT chooses the port; AWS_ENDPOINT_URL another emulator, which is not started or ended.
"""

import argparse
import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import emulator

ROOT = HERE.parent.parent
BINARIES = ROOT / "target" / "debug"
STACK = "chorus"
# Only this machine can reach the shop, so its secrets may be public.
API_KEY = "a-key-for-the-emulator-only"
WEBHOOK_SECRET = "a-webhook-secret-for-the-emulator-only"
PASSWORD = "A-password-for-the-emulator-0nly"
ROLES = ("staff", "reviewer", "operator")
# Seconds that a request may take: a function's start on a busy machine, and its work.
REQUEST_SECONDS = 30.0
PARTNERS_SECONDS = 30.0
Found = TypeVar("Found")


class ShopStack:
    """The shop's stack, its emulator, and the simulated partners."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._folder = ROOT / ".emulator" / str(port) / "partners"
        self._child: subprocess.Popen | None = None
        self.outputs: dict[str, str] = {}
        self._token = ""
        self.url = os.environ.get("AWS_ENDPOINT_URL") or f"http://127.0.0.1:{port}"

    def up(self, **parameters: str) -> None:
        """Starts everything that does not run yet; `parameters` are for the template."""
        self._emulator("start")
        carrier = self._partners_port() or free_port()
        given = {
            "Architecture": "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64",
            "CarrierEndpoint": f"http://127.0.0.1:{carrier}",
            # Few retries, so that the bus gives up a carrier that is down while the test runs.
            "CarrierRetries": "3",
            "CarrierSecret": API_KEY,
            # MiniStack has no schema registry.
            "RegisterSchemas": "false",
            "WebhookSecret": WEBHOOK_SECRET,
            **parameters,
        }
        parameters = [f"--parameter={key}={value}" for key, value in given.items()]
        options = [f"--stack-name={STACK}", f"--binaries={BINARIES}", *parameters]
        self.outputs = json.loads(self._emulator("deploy", *options))
        self._token = self.token("maria", *ROLES)
        if not self._partners_port():
            self._start_partners(carrier)
        self.carrier = f"http://127.0.0.1:{carrier}"

    def down(self, *, keep_log: bool = False) -> None:
        """Ends everything that `up` started."""
        if state := self._partners():
            os.kill(state["pid"], signal.SIGTERM)
            if self._child:
                self._child.wait(10)
            wait_for(lambda: not self._partners(), 10, "the end of the partners")
        if "AWS_ENDPOINT_URL" in os.environ:
            self._emulator("destroy", f"--stack-name={STACK}")
        self._emulator("stop", *(["--keep-log"] if keep_log else []))

    def token(self, name: str, *roles: str) -> str:
        """A token of the stack's user pool for a user with these roles; without roles, for a
        customer."""
        return log_in(self.client("cognito-idp"), self.outputs, name, *roles)

    def operators_token(self) -> str:
        """The token of the user with every role."""
        return self._token

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        token: str | None = None,
    ) -> tuple[int, Any]:
        """Sends a request, and returns the status and the JSON of the answer. Without `token`, the
        caller has every role; with an empty one, the caller is anonymous."""
        token = self._token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        return request(method, self.outputs["ApiUrl"] + path, body, headers)

    def ok(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """Sends a request that must succeed, and returns its answer."""
        status, answer = self.ask(method, path, body, key)
        if not 200 <= status < 300:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator, as its root user."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def _emulator(self, command: str, *arguments: str) -> str:
        call = [sys.executable, str(HERE / "emulator.py"), command, f"--port={self._port}"]
        done = subprocess.run([*call, *arguments], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"emulator: `{command}` failed")
        return done.stdout.strip()

    def _start_partners(self, port: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        webhook = self.outputs["ApiUrl"] + "/webhooks/logistics"
        command = [str(BINARIES / "chorus"), "-v", "partners", f"--port={port}"]
        command += [f"--webhook-url={webhook}", f"--data={self._folder}"]
        keys = {"CARRIER_API_KEY": API_KEY, "WEBHOOK_SECRET": WEBHOOK_SECRET}
        with (self._folder / "partners.log").open("ab") as log:
            child = self._child = subprocess.Popen(
                command,
                env={**os.environ, **keys},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        state = {"pid": child.pid, "port": port}
        (self._folder / "state.json").write_text(json.dumps(state))
        settled = [lambda: is_listening(port), lambda: child.poll() is not None]
        wait_for(lambda: any(look() for look in settled), PARTNERS_SECONDS, "the carrier")
        if child.poll() is not None:
            raise SystemExit(f"emulator: the partners ended: {self._folder / 'partners.log'}")

    def _partners(self) -> dict[str, int] | None:
        """The process that the state file names, if it is still one of ours."""
        try:
            state = json.loads((self._folder / "state.json").read_text())
            command = Path(f"/proc/{state['pid']}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return state if b"partners" in command else None

    def _partners_port(self) -> int | None:
        state = self._partners()
        return state["port"] if state else None


def log_in(users: Any, outputs: dict[str, str], name: str, *roles: str) -> str:
    """Creates a user with these roles in a stack's user pool, if there is none of this name, and
    returns a token of the user."""
    pool = outputs["UserPoolId"]
    user = {"UserPoolId": pool, "Username": name}
    with contextlib.suppress(users.exceptions.UsernameExistsException):
        users.admin_create_user(**user, MessageAction="SUPPRESS")
    users.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
    for role in roles:
        users.admin_add_user_to_group(**user, GroupName=role)
    answer = users.admin_initiate_auth(
        UserPoolId=pool,
        ClientId=outputs["UserPoolClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )
    return answer["AuthenticationResult"]["AccessToken"]


def request(
    method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Sends an HTTP request, and returns the status and the JSON of the answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    asked = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=REQUEST_SECONDS) as answer:
            return answer.status, as_json(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, as_json(error.read())


def as_json(text: bytes) -> Any:
    """The JSON of a body; the text itself if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


def wait_for(look: Callable[[], Found | None], within: float, what: str) -> Found:
    """Calls `look` until it finds something, which is returned; raises after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {within:g} seconds")
        time.sleep(0.1)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_listening(port: int) -> bool:
    """Whether something listens on this local port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fill(shop: ShopStack) -> None:
    """Lists two items, and stores a customer."""
    for sku, name, price, stock in (("chai", "Chai", 18, 39), ("tofu", "Tofu", 23.25, 35)):
        shop.ok("PUT", f"/items/{sku}", {"name": name, "price": price, "stock": stock})
    shop.ok("PUT", "/customers/ana", {"name": "Ana", "email": "ana@example.com"})


def welcome(shop: ShopStack) -> str:
    """The text that tells a user which commands to try."""
    api, chorus = shop.outputs["ApiUrl"], BINARIES.relative_to(ROOT) / "chorus"
    return f"""\
The shop is on the emulator at {shop.url}, its API at
{api}

# a token of a user with every role, valid for an hour
export CHORUS_TOKEN={shop.token("maria", *ROLES)}

# place an order, then see its events
{chorus} order --url '{api}' place --customer ana --line chai:2
{chorus} trace --url '{api}' ORDER

# look at the stack itself
AWS_ENDPOINT_URL={shop.url} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test SAM_CLI_TELEMETRY=0 \\
    .venv/bin/sam list resources --stack-name {STACK} --region us-east-1"""


def main() -> None:
    """Runs the command on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("--keep-log", action="store_true")
    options = parser.parse_args()
    shop = ShopStack(int(os.environ.get("EMULATOR_PORT", emulator.DEFAULT_PORT)))
    if options.command == "down":
        return shop.down(keep_log=options.keep_log)
    shop.up()
    fill(shop)
    print(welcome(shop))


if __name__ == "__main__":
    main()

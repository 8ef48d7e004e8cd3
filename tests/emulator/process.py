"""The emulator's process: started in the background, found again by its state file, ended."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HEALTH_PATH = "/_ministack/health"
STOP_SECONDS = 10.0

# Credentials of the emulator's root user. A function gets the credentials of its own role.
TEST_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
# By default `sam deploy` polls the stack every five seconds, which is most of its time here.
SAM_SETTINGS = {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.2"}
REAL_CREDENTIALS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")


class EmulatorError(Exception):
    """The emulator is not in the state that a command requires."""


def test_environment(url: str) -> dict[str, str]:
    """Our environment, with every AWS client pointed at `url` and no real credentials."""
    kept = {key: value for key, value in os.environ.items() if key not in REAL_CREDENTIALS}
    return {**kept, **TEST_CREDENTIALS, **SAM_SETTINGS, "AWS_ENDPOINT_URL": url}


class Emulator:
    """One MiniStack on one port; everything that it writes is in `.emulator/PORT/`."""

    def __init__(self, root: Path, port: int) -> None:
        self._port = port
        self._child: subprocess.Popen | None = None
        self.folder = root / ".emulator" / str(port)
        self._state_file = self.folder / "state.json"
        self._scratch = self.folder / "tmp"
        self.log = self.folder / "emulator.log"
        self.url = f"http://127.0.0.1:{port}"

    def start(self, timeout: float) -> str:
        """Starts the emulator unless it runs; waits until it answers, and returns its URL."""
        if self._pid():
            wait_until_ready(self.url, timeout)
            return self.url
        if port_is_taken(self._port):
            raise EmulatorError(f"port {self._port} is taken by another process")
        self._remove_leftovers()
        self._scratch.mkdir(parents=True)
        with self.log.open("wb") as log:
            child = self._child = subprocess.Popen(
                [sys.executable, "-m", "ministack_launcher"],
                cwd=HERE,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._state_file.write_text(json.dumps({"pid": child.pid, "url": self.url}))
        try:
            wait_until_ready(self.url, timeout, child)
        except EmulatorError as error:
            tail = self.log.read_text(errors="replace").strip().splitlines()[-20:]
            self.stop()
            raise EmulatorError("\n".join([str(error), *tail])) from error
        return self.url

    def stop(self, *, keep_log: bool = False) -> None:
        """Ends the process and its children, and removes what they wrote."""
        pid = self._pid()
        if pid:
            end_process_group(pid)
        if self._child:
            self._child.wait()
        if keep_log and self.log.exists():
            self._remove_leftovers()
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def status(self) -> dict[str, Any]:
        """Whether the emulator runs, where, and its log."""
        pid = self._pid()
        return {"running": bool(pid), "pid": pid, "url": self.url, "log": str(self.log)}

    def running_url(self) -> str:
        """The URL of the running emulator; raises if it does not run."""
        if not self._pid():
            raise EmulatorError(f"nothing runs on port {self._port}; `emulator.py start` first")
        return self.url

    def _environment(self) -> dict[str, str]:
        return {
            **test_environment(self.url),
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "AUTH": "false" if os.environ.get("EMULATOR_IAM") == "off" else "true",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(self._scratch),
            "STATE_DIR": str(self._scratch / "state"),
            "S3_DATA_DIR": str(self._scratch / "s3"),
        }

    def _pid(self) -> int | None:
        """The process id in the state file, if that process is still our launcher."""
        try:
            pid = json.loads(self._state_file.read_text())["pid"]
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, KeyError):
            return None
        return pid if b"ministack_launcher" in command else None

    def _remove_leftovers(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._state_file.unlink(missing_ok=True)


def describe(url: str) -> dict[str, Any]:
    """The status of an emulator that this class did not start."""
    return {"running": answers(url), "pid": None, "url": url, "log": None}


def wait_until_ready(url: str, timeout: float, child: subprocess.Popen | None = None) -> None:
    """Waits until `url` answers; raises if it does not in time, or if its process ended."""
    deadline = time.monotonic() + timeout
    while not answers(url):
        if child and child.poll() is not None:
            raise EmulatorError(f"the emulator ended with status {child.returncode}")
        if time.monotonic() > deadline:
            raise EmulatorError(f"{url} did not answer within {timeout:g} seconds")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether an HTTP server answers at `url`."""
    try:
        with urllib.request.urlopen(url + HEALTH_PATH, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def port_is_taken(port: int) -> bool:
    """Whether something listens on this local port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_process_group(leader: int) -> None:
    """Ends the process group: first with SIGTERM and, after a while, with SIGKILL."""
    for wanted in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(leader, wanted)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + STOP_SECONDS
        while group_exists(leader) and time.monotonic() < deadline:
            time.sleep(0.05)


def group_exists(leader: int) -> bool:
    """Whether any process of the group is left, except zombies."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            return True
    return False

"""A page in a headless browser, for tests of pages."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
MISSING = """no browser is here: install one with `apt-get install chromium-headless-shell` (Debian),
or put Chromium or Chrome on the PATH"""


def browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def install() -> None:
    """Installs a browser if there is none and this is root on Debian, as in a CI container."""
    if browser() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for step in (["update"], ["install", "-y", "--no-install-recommends", BROWSERS[0]]):
            subprocess.run(["apt-get", "-qq", *step], stdout=subprocess.DEVNULL, check=False)


class Tab:
    """A page in a headless browser, controlled over the DevTools protocol."""

    def __init__(self) -> None:
        self.profile = tempfile.TemporaryDirectory()
        to_browser, self.to = os.pipe()
        self.back, from_browser = os.pipe()
        command = [browser(), "--headless", "--no-sandbox", "--disable-gpu",
                   "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}"]
        # The browser reads from descriptor 3 and writes to 4.
        shell = ["bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser} 2>/dev/null', "browser"]
        self.process = subprocess.Popen(shell + command, pass_fds=(to_browser, from_browser))
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.pending, self.session = 0, b"", None
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.call("Log.enable")
        self.call("Runtime.enable")

    def __enter__(self) -> "Tab":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
        self.profile.cleanup()

    def call(self, method: str, **params: object) -> dict:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next_message()
            self.listen(answer)
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def listen(self, message: dict) -> None:
        """Records errors that the browser reports: of scripts, and violations of the security policy."""
        params = message.get("params", {})
        entry = params.get("entry", {})
        if message.get("method") == "Log.entryAdded" and entry["level"] == "error":
            self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))

    def next_message(self) -> dict:
        while b"\0" not in self.pending:
            if not select.select([self.back], [], [], 60)[0]:
                sys.exit("the browser has not answered for a minute")
            if not (more := os.read(self.back, 1 << 16)):
                sys.exit("the browser has ended")
            self.pending += more
        message, _, self.pending = self.pending.partition(b"\0")
        return json.loads(message)

    def open(self, url: str) -> None:
        """Opens the page at `url`, and waits until it is loaded."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.until("location.href !== 'about:blank' && document.readyState === 'complete'", "loaded")

    def until(self, script: str, what: str, seconds: float = 20) -> None:
        """Waits until `script` is true of the page."""
        deadline = time.monotonic() + seconds
        while not self.run(script):
            if time.monotonic() > deadline:
                sys.exit(f"the page is not {what} after {seconds:.0f} seconds: {self.text()}")
            time.sleep(0.05)

    def text(self) -> str:
        """The text that the page shows."""
        return self.run("document.body?.innerText ?? ''")

    def look(self, width: int, dark: bool = False) -> None:
        """Sets the window's width in pixels, and light or dark colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, height: int) -> bytes:
        """A picture (PNG) of the upper part of the page, with this height in pixels."""
        width = self.run("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", clip=clip,
                          captureBeyondViewport=True)
        return base64.b64decode(taken["data"])

    def run(self, script: str) -> object:
        ran = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in ran:
            sys.exit(f"the page failed: {ran['exceptionDetails']}")
        return ran["result"].get("value")

#!/usr/bin/env python3
"""Builds docs/which-rule.html, and tries it in a browser. `scripts/which-rule.sh` says how."""

import base64
import gzip
import hashlib
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/which-rule.html"
CRATES = ["which-rule", "event-pattern", "cloudformation-template"]
CASES = ROOT / "crates/event-pattern/tests/cases.jsonl"
BROWSERS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
MISSING = """no browser is here: install one with `apt-get install chromium-headless-shell` (Debian),
or put Chromium or Chrome on the PATH"""


def sources() -> str:
    """A digest of what the page is made of."""
    digest = hashlib.sha256((ROOT / "crates/which-rule/page.html").read_bytes())
    for crate in CRATES:
        for file in sorted((ROOT / "crates" / crate / "src").rglob("*.rs")):
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def write(wasm: pathlib.Path) -> None:
    program = base64.b64encode(gzip.compress(wasm.read_bytes(), mtime=0)).decode()
    page = (ROOT / "crates/which-rule/page.html").read_text()
    page = page.replace("<meta charset", f'<meta name="sources" content="{sources()}">\n<meta charset', 1)
    PAGE.write_text(page.replace("PROGRAM", program, 1))
    print(f"{PAGE.relative_to(ROOT)}: {PAGE.stat().st_size // 1024} KB")


def browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def install() -> None:
    """As root on Debian, as in a container of CI, a browser is installed."""
    if browser() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for step in (["update"], ["install", "-y", "--no-install-recommends", BROWSERS[0]]):
            subprocess.run(["apt-get", "-qq", *step], stdout=subprocess.DEVNULL, check=False)


class Tab:
    """A page in a headless browser, spoken to over the DevTools protocol."""

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
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

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
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def next_message(self) -> dict:
        while b"\0" not in self.pending:
            if not select.select([self.back], [], [], 60)[0]:
                sys.exit("the browser has not answered for a minute")
            if not (more := os.read(self.back, 1 << 16)):
                sys.exit("the browser has ended")
            self.pending += more
        message, _, self.pending = self.pending.partition(b"\0")
        return json.loads(message)

    def open(self, **asked: str) -> str:
        """Opens the page with what is asked in its address, and tells its text."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=f"{PAGE.as_uri()}#{urllib.parse.urlencode(asked) or 'example'}")
        deadline = time.monotonic() + 20
        while not self.run("location.hash !== '' && document.readyState === 'complete'"):
            if time.monotonic() > deadline:
                sys.exit("the page is not loaded after 20 seconds")
            time.sleep(0.05)
        return self.run("window.started.then(() => document.body.innerText)")

    def run(self, script: str) -> object:
        ran = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in ran:
            sys.exit(f"the page failed: {ran['exceptionDetails']}")
        return ran["result"].get("value")


def expect(what: str, text: str, *parts: str) -> None:
    for part in parts:
        if part not in text:
            sys.exit(f"{what}: the page does not say {part!r}, but: {text}")
    print(f"ok: {what}")


def member(line: str, name: str) -> str:
    """A member as it is written, with names given twice and numbers in any notation."""
    start = line.index(f'"{name}":') + len(f'"{name}":')
    start += len(line[start:]) - len(line[start:].lstrip())
    return line[start:json.JSONDecoder().raw_decode(line, start)[1]]


def try_cases(tab: Tab) -> None:
    """Asks the page's own program for every case that the crate is held to."""
    cases = [line for line in CASES.read_text().splitlines() if line]
    for case in cases:
        question = {"rules": member(case, "pattern"), "event": member(case, "event")}
        [rule] = tab.run(f"ask(...Object.values({json.dumps(question)}))")["rules"]
        verdict = "invalid" if rule["told"].startswith("refused") else rule["matches"]
        expected = json.loads(member(case, "expected"))
        if verdict != expected:
            sys.exit(f"{case}\nThe page says {verdict}, the crate {expected}")
    print(f"ok: {len(cases)} cases decided as the crate decides them")


def test() -> None:
    if f'content="{sources()}"' not in PAGE.read_text():
        sys.exit("docs/which-rule.html is not of these sources: run scripts/which-rule.sh write")
    install()
    if browser() is None:
        print(f"skipped: {MISSING}")
        return
    with Tab() as tab:
        expect("the example", tab.open(), "1 of 2 rules match", "ReviewLargeOrders: does not match",
               "detail.total is 237.51", "ShipPaid: matches")
        tab.run("""at("event").value = EVENT.replace("237.51", "2375.1");
            at("event").dispatchEvent(new Event("input"));""")
        typed = "new Promise((then) => setTimeout(() => then(document.body.innerText), 500))"
        expect("an event as it is typed", tab.run(typed), "2 of 2 rules match")
        expect("a pattern in YAML, from a link",
               tab.open(rules="source: [orders]", event='{"source": "orders"}'), "1 of 1 rule matches")
        expect("what is wrong", tab.open(rules='{"a": "x"}', event="{"),
               "The event cannot be read", "refused at line 1, column")
        try_cases(tab)


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[2])) if sys.argv[1] == "write" else test()

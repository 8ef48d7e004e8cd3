#!/usr/bin/env python3
"""Builds docs/which-rule.html, and tests it in a browser. Run it with `scripts/which-rule.sh`."""

import base64
import gzip
import hashlib
import json
import pathlib
import sys
import urllib.parse

from browser import MISSING, Tab, browser, install

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/which-rule.html"
CRATES = ["which-rule", "event-pattern", "cloudformation-template"]
CASES = ROOT / "crates/event-pattern/tests/cases.jsonl"



def sources() -> str:
    """A digest of the sources from which the page is built."""
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


def opened(tab: Tab, **asked: str) -> str:
    """Opens the page with a question in its URL, and returns the page's text."""
    tab.open(f"{PAGE.as_uri()}#{urllib.parse.urlencode(asked) or 'example'}")
    return tab.run("window.started.then(() => document.body.innerText)")


def expect(what: str, text: str, *parts: str) -> None:
    for part in parts:
        if part not in text:
            sys.exit(f"{what}: the page does not say {part!r}, but: {text}")
    print(f"ok: {what}")


def member(line: str, name: str) -> str:
    """The text of a JSON member as written: json.loads would lose repeated names and notations of numbers."""
    start = line.index(f'"{name}":') + len(f'"{name}":')
    start += len(line[start:]) - len(line[start:].lstrip())
    return line[start:json.JSONDecoder().raw_decode(line, start)[1]]


def try_cases(tab: Tab) -> None:
    """Asks the page's program about every test case of the crate."""
    cases = [line for line in CASES.read_text().splitlines() if line]
    for case in cases:
        question = {"rules": member(case, "pattern"), "event": member(case, "event")}
        [rule] = tab.run(f"ask(...Object.values({json.dumps(question)}))")["rules"]
        verdict = "invalid" if rule["text"].startswith("refused") else rule["matches"]
        expected = json.loads(member(case, "expected"))
        if verdict != expected:
            sys.exit(f"{case}\nThe page says {verdict}, the crate {expected}")
    print(f"ok: {len(cases)} cases decided as the crate decides them")


def test() -> None:
    if f'content="{sources()}"' not in PAGE.read_text():
        sys.exit("docs/which-rule.html is outdated: run scripts/which-rule.sh write")
    install()
    if browser() is None:
        print(f"skipped: {MISSING}")
        return
    with Tab() as tab:
        expect("the example", opened(tab), "1 of 2 rules match", "ReviewLargeOrders: does not match",
               "detail.total is 237.51", "ShipPaid: matches")
        tab.run("""at("event").value = EVENT.replace("237.51", "2375.1");
            at("event").dispatchEvent(new Event("input"));""")
        typed = "new Promise((then) => setTimeout(() => then(document.body.innerText), 500))"
        expect("an event as it is typed", tab.run(typed), "2 of 2 rules match")
        expect("a pattern in YAML, from a link",
               opened(tab, rules="source: [orders]", event='{"source": "orders"}'), "1 of 1 rule matches")
        expect("what is wrong", opened(tab, rules='{"a": "x"}', event="{"),
               "The event cannot be read", "refused at line 1, column")
        try_cases(tab)


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[2])) if sys.argv[1] == "write" else test()

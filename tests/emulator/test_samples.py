"""Sends every sample of events/samples through `cargo lambda invoke`, as docs/SAMPLES.md documents.

Run with `scripts/emulator.sh samples`, which builds the functions; with `--write`, it replaces the
results in the table.
"""

import json
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

sys.path.insert(0, str(Path(__file__).resolve().parent))

import prebuilt
import sentence_tests
from process import Emulator
from samples_bench import SamplesBench
from shop_stack import BINARIES, ROOT, free_port

SAMPLES = ROOT / "events" / "samples"
DOCUMENT = ROOT / "docs" / "SAMPLES.md"
HEAD = "| sample | function | after | outcome | publishes | why |"
# The event log consumes every event: one sentence covers it, instead of a line for each.
LOG = "event-log"
# The sweeper reads the queue of events that the bus could not deliver, and consumes no event itself.
SWEEPER = "sweeper"
START_SECONDS = 30.0

# A sample, and the function that it is for.
Pair = tuple[str, str]

bench: SamplesBench


def setUpModule() -> None:
    """Starts an emulator, and the functions on it."""
    global bench
    emulator = Emulator(ROOT, free_port())
    unittest.addModuleCleanup(emulator.stop)
    bench = SamplesBench(emulator.start(START_SECONDS))
    unittest.addModuleCleanup(bench.stop)
    bench.start()


class Samples(unittest.TestCase):
    def every_sample_is_documented_with_every_function_that_hears_it(self) -> None:
        documented = [row.pair for row in documented_rows()]
        self.assertEqual(sorted(documented), [pair for pair in pairs() if pair[1] != LOG])

    def every_function_answers_as_documented(self) -> None:
        for row in documented_rows():
            with self.subTest(sample=row.sample, function=row.function):
                self.assertEqual(row.answered().line(), row.line())

    def the_event_log_keeps_every_event(self) -> None:
        for sample in (sample for sample, function in pairs() if function == LOG):
            with self.subTest(sample=sample):
                answer = bench.invoke(LOG, SAMPLES / f"{sample}.json")
                self.assertEqual((answer["outcome"], answer["emitted"]), ("Decided", []))


@dataclass(frozen=True)
class Row:
    """A line of the table: the answer to this sample, on new tables, after these other samples."""

    sample: str
    function: str
    after: str = "–"
    outcome: str = ""
    says: str = ""
    why: str = ""

    @property
    def pair(self) -> Pair:
        """The sample and the function of the line."""
        return (self.sample, self.function)

    @classmethod
    def read(cls, line: str) -> "Row":
        """Parses a line of the document."""
        return cls(*(cell.strip() for cell in line.replace("`", "").strip("|").split("|")))

    def line(self) -> str:
        """The line in the document."""
        cells = [f"`{self.sample}`", f"`{self.function}`", self.after, self.outcome, self.says, self.why]
        return f"| {' | '.join(cells)} |"

    def answered(self) -> "Row":
        """Runs the samples of the row, and returns the row with the function's answer."""
        bench.forget(self.function)
        for earlier in self.after.split(", ") if self.after != "–" else ():
            bench.invoke(self.function, SAMPLES / f"{earlier}.json")
        answer = bench.invoke(self.function, SAMPLES / f"{self.sample}.json")
        return replace(
            self,
            outcome=answer["outcome"],
            says=", ".join(answer.get("emitted") or []) or "–",
            why=answer.get("note") or answer.get("code") or "–",
        )


def documented_rows() -> list[Row]:
    """The table's lines."""
    table = DOCUMENT.read_text().partition(HEAD)[2].partition("\n\n")[0]
    return [Row.read(line) for line in table.splitlines()[2:]]


def pairs() -> list[Pair]:
    """Each sample with the functions that consume it, and each command with the function that handles it."""
    samples = {path: json.loads(path.read_text()) for path in SAMPLES.glob("*.json")}
    commands = services_of_commands()
    found = set()
    for path, event in samples.items():
        name = event["detail-type"]
        if name in commands:
            found.add((path.stem, commands[name]))
        for pattern, function in hearers():
            if name in pattern.get("detail-type", [name]) and matches(pattern, path):
                found.add((path.stem, function))
    return sorted(found)


def services_of_commands() -> dict[str, str]:
    """The function that handles each command, by the design table."""
    design = [BINARIES / "chorus", "design", "--json"]
    told = subprocess.run(design, cwd=ROOT, capture_output=True, check=True)
    return {
        command: row["service"].lower().replace(" ", "-")
        for row in json.loads(told.stdout)
        for command in row["api"]
    }


def hearers() -> Iterator[tuple[dict[str, Any], str]]:
    """The pattern of every rule with the function that gets its events, also through a queue."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    readers = {}
    for resource in resources.values():
        function = prebuilt.function_of(resource)
        for event in resource["Properties"].get("Events", {}).values() if function else ():
            if event["Type"] == "EventBridgeRule":
                yield event["Properties"]["Pattern"], function
            elif event["Type"] == "SQS":
                readers[json.dumps(event["Properties"]["Queue"])] = function
    for resource in resources.values():
        if resource["Type"] == "AWS::Events::Rule":
            for target in resource["Properties"]["Targets"]:
                for queue in (target["Arn"], target["DeadLetterConfig"]["Arn"]):
                    function = readers.get(json.dumps(queue))
                    if function and function != SWEEPER:
                        yield resource["Properties"]["EventPattern"], function


def matches(pattern: dict[str, Any], sample: Path) -> bool:
    """Whether the sample matches; a pattern of only names is decided without EventBridge."""
    if set(pattern) == {"detail-type", "source"}:
        return json.loads(sample.read_text())["source"] in pattern["source"]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(pattern, file)
        file.flush()
        test = [BINARIES / "chorus", "pattern", "test", "--pattern", file.name, "--event", sample]
        return subprocess.run(test, capture_output=True, check=False).returncode == 0


def write() -> None:
    """Rewrites the results; lines that the table lacks come last, lines without a sample are
    removed."""
    consumed = [pair for pair in pairs() if pair[1] != LOG]
    documented = [row for row in documented_rows() if row.pair in consumed]
    known = {row.pair for row in documented}
    documented += [Row(*pair) for pair in consumed if pair not in known]
    setUpModule()
    try:
        lines = [row.answered().line() for row in documented ]
    finally:
        unittest.doModuleCleanups()
    before, _, after = DOCUMENT.read_text().partition(HEAD)
    _, blank, rest = after.partition("\n\n")
    table = "\n".join([HEAD, "|---|---|---|---|---|---|", *lines])
    DOCUMENT.write_text(before + table + (blank + rest or "\n"))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        sentence_tests.main()

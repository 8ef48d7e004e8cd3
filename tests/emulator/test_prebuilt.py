"""Built binaries are deployed as the code of the functions that name them.

Run with `.venv/bin/python tests/emulator/test_prebuilt.py`; it needs no emulator.
"""

import json
import os
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import prebuilt
import sentence_tests

TEMPLATE = """
Resources:
  Order:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: order}}
    Properties: {CodeUri: ., Handler: bootstrap}
  Payment:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: {Binary: !If [IsProd, payment, payment-simulated]}
    Properties: {CodeUri: ., Handler: bootstrap, FunctionName: !Sub "${AWS::StackName}-payment"}
  Saga:
    Type: AWS::Serverless::StateMachine
    Properties: {DefinitionUri: state-machines/saga.asl.json}
"""


class Prebuilt(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.template = self.root / "template.yaml"
        self.template.write_text(TEMPLATE)
        self.binaries = self.root / "debug"
        self._build("order", "#!/bin/sh\n")
        self._build("payment-simulated", "#!/bin/simulated\n")

    def _build(self, name: str, content: str, time_ns: int = 0) -> None:
        """Pretends that cargo built an executable at some time."""
        self.binaries.mkdir(exist_ok=True)
        file = self.binaries / name
        file.write_text(content)
        os.utime(file, ns=(time_ns, time_ns))

    def _deployed(self) -> dict:
        """The resources of the template as it would be deployed."""
        into = self.root / "out"
        written = prebuilt.template_with_binaries(self.template, self.binaries, into)
        return json.loads(written.read_text())["Resources"]

    def _code(self) -> bytes:
        """The executable in the function's archive."""
        with zipfile.ZipFile(self._deployed()["Order"]["Properties"]["CodeUri"]) as archive:
            return archive.read("bootstrap")

    def a_function_gets_its_binary_as_an_executable_bootstrap(self) -> None:
        self.assertEqual(self._code(), b"#!/bin/sh\n")
        with zipfile.ZipFile(self.root / "out" / "order.zip") as archive:
            self.assertEqual(archive.getinfo("bootstrap").external_attr >> 16, 0o100755)

    def a_function_with_another_binary_for_prod_gets_that_of_the_other_stages(self) -> None:
        payment = self._deployed()["Payment"]
        with zipfile.ZipFile(payment["Properties"]["CodeUri"]) as archive:
            self.assertEqual(archive.read("bootstrap"), b"#!/bin/simulated\n")
        self.assertEqual(prebuilt.function_of(payment), "payment")

    def another_build_makes_another_archive_even_an_older_one(self) -> None:
        self._build("order", "#!/bin/new\n", time_ns=2_000_000_000)
        self.assertEqual(self._code(), b"#!/bin/new\n")
        self._build("order", "#!/bin/old\n", time_ns=1_000_000_000)
        self.assertEqual(self._code(), b"#!/bin/old\n")

    def a_state_machine_still_finds_its_definition(self) -> None:
        uri = self._deployed()["Saga"]["Properties"]["DefinitionUri"]
        self.assertEqual(Path(uri), (self.root / "state-machines/saga.asl.json").resolve())

    def a_binary_that_was_not_built_is_named(self) -> None:
        (self.binaries / "order").unlink()
        with self.assertRaisesRegex(prebuilt.BinaryMissing, "order"):
            self._deployed()


if __name__ == "__main__":
    sentence_tests.main()

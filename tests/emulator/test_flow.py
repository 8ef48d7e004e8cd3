"""The flow on the emulator: the deployed template and the real binaries, called through the API.

Run with `scripts/emulator.sh test`, which builds the binaries, and stops the emulator in any case.
All tests share one deployed shop, because a deployment takes longer than most of them.
"""

import sys
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import flow
import sentence_tests
from flow_access import Callers, Ids, Sweeper, Webhooks
from flow_captures import ChargedWhenShipped
from flow_operators import FailureQueues
from flow_orders import Contention, Duplicates, Machines, Reviews, Stories
from flow_partners import AFrontEnd, TheCarrier
from flow_people import People
from flow_restored import RestoredTables

# The cases in the order in which they run. The last two replay the events of all tests before them, also the
# events on which a test made a function fail.
CASES = (
    AFrontEnd,
    Callers,
    ChargedWhenShipped,
    Contention,
    Duplicates,
    FailureQueues,
    Ids,
    Machines,
    Reviews,
    Stories,
    Sweeper,
    TheCarrier,
    Webhooks,
    RestoredTables,
    People,
)


class FlowLoader(sentence_tests.SentenceLoader):
    """Finds the cases in their order."""

    def loadTestsFromModule(self, _module: ModuleType, **_: Any) -> unittest.TestSuite:
        """All cases."""
        return self.suiteClass([self.loadTestsFromTestCase(case) for case in CASES])


if __name__ == "__main__":
    with flow.deployed():
        sentence_tests.main(FlowLoader())

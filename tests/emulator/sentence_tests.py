"""Tests named as sentences: every public method of a test case is a test."""

import unittest

FIXTURES = frozenset({"setUp", "tearDown", "setUpClass", "tearDownClass"})


class SentenceLoader(unittest.TestLoader):
    """Finds tests because they are public, not by a prefix."""

    def getTestCaseNames(self, testCaseClass: type[unittest.TestCase]) -> list[str]:
        """The public methods that the class itself defines, in the order of the file."""
        return [
            name
            for name, member in vars(testCaseClass).items()
            if callable(member) and not name.startswith("_") and name not in FIXTURES
        ]


def main(loader: unittest.TestLoader | None = None) -> None:
    """Runs the tests of the main module, as `unittest.main` does."""
    unittest.main(testLoader=loader or SentenceLoader(), verbosity=2)

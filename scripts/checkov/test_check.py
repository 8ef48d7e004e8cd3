"""Findings and accepted lines are compared in both directions."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from check import Accepted, Finding, compare, read

QUEUE = Finding("CKV_1", "AWS::SQS::Queue.One", "Encrypt it")
TABLE = Finding("CKV_2", "AWS::DynamoDB::Table.Two", "Back it up")


class Compared(unittest.TestCase):
    def test_a_finding_that_no_line_accepts_fails(self) -> None:
        accepted = [Accepted("CKV_1", "AWS::SQS::*", "because")]
        self.assertEqual(compare(accepted, [QUEUE]), [])
        [wrong] = compare(accepted, [QUEUE, TABLE])
        self.assertIn("Back it up (CKV_2)", wrong)
        [wrong] = compare([Accepted("CKV_1", "AWS::SQS::Queue.Other", "because")], [QUEUE])[:1]
        self.assertIn("Encrypt it", wrong)

    def test_a_line_that_no_finding_fits_fails(self) -> None:
        accepted = [Accepted("CKV_1", "*", "because"), Accepted("CKV_3", "*", "because")]
        [wrong] = compare(accepted, [QUEUE])
        self.assertIn("CKV_3", wrong)

    def test_a_line_has_a_reason(self) -> None:
        self.assertEqual(read("# why\nCKV_1 * because\n"), [Accepted("CKV_1", "*", "because")])
        with self.assertRaises(TypeError):
            read("CKV_1 *")


if __name__ == "__main__":
    unittest.main()

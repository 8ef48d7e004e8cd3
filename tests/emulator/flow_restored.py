"""Tables that DynamoDB restored to one moment, which tears transactions."""

import json
import unittest
from datetime import UTC, datetime

from deployed_operator import operate
from deployed_shop import (
    PATIENCE,
    ended,
    invocations,
    nothing_is_given_up,
    parcel_of,
    place,
    rest,
    shop,
    webhook,
)
from shop_stack import STACK, wait_for


class RestoredTables(unittest.TestCase):
    def a_torn_transaction_is_found_and_undone_and_a_replay_has_its_order_end_once(self) -> None:
        began = datetime.now(UTC)
        order_id = place("emil-carrier-silent", "pavlova", 1)
        parcel = parcel_of(order_id)
        rest()
        stock = shop.ok("GET", "/items/pavlova")
        self._tear(order_id)
        restore = ("restore", f"--moment={datetime.now(UTC).isoformat()}", "--json")
        restore = (*restore, f"--replay-from={began.isoformat()}")
        told = json.loads(operate(*restore))
        self.assertTrue(told["dry-run"])
        torn = [(one["action"], one["next"]) for one in told["damage"]["torn"]]
        self.assertEqual(torn, [("RemoveItem", "replayed")])
        self.assertEqual([item["sku"] for item in told["damage"]["stock"]], ["pavlova"])
        self.assertEqual(json.loads(operate(*restore))["damage"], told["damage"], "nothing was changed")
        views = invocations("order")
        done = json.loads(operate(*restore, "--yes"))["done"]
        self.assertEqual([item["sku"] for item in done["corrected"]], ["pavlova"])
        wait_for(lambda: invocations("order") > views, PATIENCE, "the replay")
        rest()
        self.assertEqual(shop.ok("GET", "/items/pavlova"), stock, "the pieces are moved once")
        self.assertEqual(json.loads(operate(*restore))["damage"]["torn"], [])
        self.assertEqual(webhook(order_id, parcel, "Delivered")[0], 202)
        self.assertEqual(ended(order_id)["status"], "Delivered")
        nothing_is_given_up(self)
        last = json.loads(operate("dlq", "audit", "--json"))[-1]
        self.assertEqual((last["what"], last["outcome"]["replay"]), ("restore", done["replay"]))

    def _tear(self, order_id: str) -> None:
        """Restores the order's reservation to its state before the items were removed."""
        functions = shop.client("lambda")
        found = functions.get_function_configuration(FunctionName=f"{STACK}-inventory")
        table = found["Environment"]["Variables"]["TABLE_INVENTORY"]
        shop.client("dynamodb").update_item(
            TableName=table,
            Key={"pk": {"S": f"order#{order_id}"}, "sk": {"S": "order"}},
            UpdateExpression="SET #status = :reserved, version = :first",
            ConditionExpression="version = :second",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":reserved": {"S": "reserved"},
                ":first": {"N": "1"},
                ":second": {"N": "2"},
            },
        )

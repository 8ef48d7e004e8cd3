"""What no schema can say of a request that the shop takes."""

import re
import uuid

import schemathesis
from schemathesis.transport.prepare import get_exclude_headers

KEY = "Idempotency-Key"
VISIBLE = re.compile("[!-~]{1,255}")
SKU = re.compile("[A-Za-z0-9._-]{1,64}")


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key names one request: another one has another."""
    key = (case.headers or {}).get(KEY)
    # A case that leaves out a header would forget that it does, if its headers were changed.
    if isinstance(key, str) and VISIBLE.fullmatch(key) and not get_exclude_headers(case):
        case.headers[KEY] = uuid.uuid4().hex


@schemathesis.hook
def map_body(context, body):
    """An amount has two decimal places, which binary floating point cannot say; and an order names
    what the shop sells."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("price"), float):
        body["price"] = round(body["price"], 2)
    lines = body.get("lines")
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, dict) and isinstance(sku := line.get("sku"), str):
            line["sku"] = "chai" if SKU.fullmatch(sku) else sku
    return body

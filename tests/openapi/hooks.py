"""Changes generated requests so that they keep rules of the shop that no schema can express."""

import re
import uuid

import schemathesis
from schemathesis.transport.prepare import get_exclude_headers

KEY = "Idempotency-Key"
VISIBLE = re.compile("[!-~]{1,255}")
SKU = re.compile("[A-Za-z0-9._-]{1,64}")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives each request a key of its own, because a key belongs to one request."""
    key = (case.headers or {}).get(KEY)
    # A case that omits a header keeps its headers, because a change would add the omitted header.
    if isinstance(key, str) and VISIBLE.fullmatch(key) and not get_exclude_headers(case):
        case.headers[KEY] = uuid.uuid4().hex


@schemathesis.hook
def map_body(context, body):
    """Rounds amounts to two decimal places, which no schema can require of binary floating-point
    numbers; and orders only items that the shop sells."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("price"), float):
        body["price"] = round(body["price"], 2)
    lines = body.get("lines")
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, dict) and isinstance(sku := line.get("sku"), str):
            line["sku"] = "chai" if SKU.fullmatch(sku) else sku
    return body

"""A front end of the shop: gets signed updates of orders, and verifies them without code of
ours."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FrontEnd:
    """An HTTP server on this machine that stores the bodies that it gets."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []
        posted = self.posted

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 (the name is http.server's)
                body = self.rfile.read(int(self.headers["content-length"]))
                posted.append((self.path, json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()

    def updates(self, order_id: str, secret: str) -> list[dict[str, Any]]:
        """The updates of an order, in the order in which they happened."""
        bodies = [body for path, body in self.posted if path == "/order-updates"]
        told = [claims(body["signed-update"], secret) for body in bodies]
        own = [it["update"] for it in told if it and it["sub"] == order_id]
        return sorted(own, key=lambda update: update["at"])


def claims(token: str, secret: str) -> dict[str, Any] | None:
    """The claims of a JSON Web Token (RFC 7519), if it is signed with `secret` and is of the type
    of updates."""
    signed, _, signature = token.rpartition(".")
    expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(expected, decoded(signature)):
        return None
    header, told = (json.loads(decoded(part)) for part in signed.split("."))
    return told if header == {"typ": "order-update+jwt", "alg": "HS256"} else None


def decoded(part: str) -> bytes:
    """The decoded part of a token."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

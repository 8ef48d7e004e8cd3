"""External systems on a local port: a carrier's API, an OAuth server, a JWT issuer."""

import base64
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY_ID = "smoke-key"


@dataclass(frozen=True)
class Request:
    """One request to the carrier."""

    path: str
    headers: dict[str, str]
    body: dict
    at: float


@dataclass
class OutsideWorld:
    """Records every request; answers each path with the statuses queued for it, then with 200."""

    requests: list[Request] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The URL of the server, which is also the issuer of its tokens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def to(self, path: str) -> list[Request]:
        """The requests to one path, oldest first."""
        return [request for request in self.requests if request.path == path]

    def answer(self, path: str) -> int:
        """The next status for this path; the last one queued repeats when it is an error."""
        queued = self.statuses.get(path, [])
        return queued.pop(0) if queued else 200

    def jwks(self) -> dict:
        """The public key, as a JWT authorizer requests it."""
        numbers = self.key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "kid": KEY_ID,
                    "n": base64url(numbers.n.to_bytes(256, "big")),
                    "e": base64url(numbers.e.to_bytes(3, "big")),
                }
            ]
        }

    def token(self, audience: str) -> str:
        """A signed JWT of this issuer that is valid for a minute."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": audience, "sub": "customer-1", "exp": now + 60}
        parts = [{"alg": "RS256", "kid": KEY_ID}, claims]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64url(signature)}"


def base64url(data: bytes) -> str:
    """Base64 as in JWTs: URL-safe and without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def handler_for(world: OutsideWorld) -> type[BaseHTTPRequestHandler]:
    """The request handler of `world`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.endswith("openid-configuration"):
                self._reply(200, {"jwks_uri": f"{world.url}/keys"})
            else:
                self._reply(200, world.jwks())

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/token":
                self._reply(200, {"access_token": "granted", "token_type": "Bearer"})
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            world.requests.append(Request(self.path, headers, json.loads(raw), time.monotonic()))
            self._reply(world.answer(self.path), {})

        def _reply(self, status: int, body: dict) -> None:
            payload = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_arguments: object) -> None:
            """Logs nothing."""

    return Handler

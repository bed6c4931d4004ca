"""A small OpenID Connect provider on loopback, real enough for the authorization code flow."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLIENT, SECRET = "labelaudit", "a secret of the client"


class Provider:
    """Lets everybody in as `claims` say, without asking."""

    def __init__(self, claims: dict[str, Any]) -> None:
        from joserfc.jwk import RSAKey

        self.claims = claims
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.nonces: dict[str, str] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.token(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def get(self, request: BaseHTTPRequestHandler) -> None:
        address = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        if address.path == "/.well-known/openid-configuration":
            _answer(request, {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            })  # fmt: skip
        elif address.path == "/jwks":
            _answer(request, {"keys": [self.key.as_dict(private=False)]})
        elif address.path == "/authorize":
            assert query["client_id"] == CLIENT
            code = f"code-{len(self.nonces)}"
            self.nonces[code] = query.get("nonce", "")
            back = urllib.parse.urlencode({"code": code, "state": query["state"]})
            request.send_response(302)
            request.send_header("Location", f"{query['redirect_uri']}?{back}")
            request.end_headers()
        else:
            request.send_error(404)

    def token(self, request: BaseHTTPRequestHandler) -> None:
        from joserfc import jwt

        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(body))
        basic = base64.b64decode(request.headers.get("Authorization", "Basic ").split()[-1]).decode()
        given = urllib.parse.unquote_plus(basic.partition(":")[2]) or form.get("client_secret")
        if given != SECRET or form["code"] not in self.nonces:
            request.send_error(401)
            return
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 600,
                  "nonce": self.nonces.pop(form["code"]), **self.claims}  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        _answer(request, {"access_token": "t", "token_type": "Bearer", "expires_in": 600, "id_token": signed})


def _answer(request: BaseHTTPRequestHandler, values: dict[str, Any]) -> None:
    body = json.dumps(values).encode()
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)

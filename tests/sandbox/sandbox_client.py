"""What the sandbox's tests share: a bare client that speaks to a sandbox over HTTP and knows nothing of the package."""

import asyncio
import json
from typing import Any

import httpx

from smsops.sandbox.app import Sandbox

LOGIN, KEY = "acme", "master-key"

ACCOUNT = {
    "FIRSTNAME": "Thomas",
    "LASTNAME": "Smith",
    "SOCIETY": "ACME",
    "MOBILE": "+33612345678",
    "EMAIL": "paris@acme.example",
    "LOGIN": "acme-paris",
    "PASSWORD": "secret-1",
}


def data(**content: object) -> str:
    """A payload in its wrapper."""
    return json.dumps({"DATA": content})


class Api:
    """Calls of one login on one sandbox."""

    def __init__(self, sandbox: Sandbox, login: str = LOGIN, key: str = KEY) -> None:
        self.sandbox, self.login, self.key = sandbox, login, key

    def raw(self, method: str, **params: str) -> httpx.Response:
        """The HTTP response to a call."""
        return asyncio.run(self._post(method, params))

    def __call__(self, method: str, **params: str) -> Any:
        """The answer to a call, decoded."""
        return self.raw(method, **params).json()

    def send(self, *phones: str, method: str = "sendSms", message: str = "Bonjour", **content: object) -> Any:
        """The answer to a sending of one text to some phones."""
        recipients = [{"MOBILEPHONE": phone} for phone in phones]
        return self(method, smsData=data(MESSAGE=message, SMS=recipients, **content))

    async def _post(self, method: str, params: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox/http/9.0") as client:
            return await client.post(f"/{method}/", data={"login": self.login, "apiKey": self.key} | params)


def new_api(sandbox: Sandbox) -> Api:
    """The master account of a fresh sandbox."""
    sandbox.ensure_master(LOGIN, KEY, credits=100_000)
    return Api(sandbox)

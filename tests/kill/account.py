"""The account that a world lives in: `smsops sandbox serve` in a process of its own, and what others do there."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.kill.worlds import FOREIGN, MASTER, Row, phone

ROOT = Path(__file__).parents[2]
API_KEY = "acme-key-8d1f"
PASSWORD = "correct horse battery"
CREDITS = 1_000_000


def environment() -> dict[str, str]:
    """The environment of every process: it finds this smsops wherever it runs."""
    given = {"ALLMYSMS_LOGIN": MASTER, "ALLMYSMS_API_KEY": API_KEY, "PASSWORD": PASSWORD, "NO_COLOR": "1"}
    return {**os.environ, **given, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}


class Account:
    """A sandbox that is served, looked at through its control routes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._http = httpx.AsyncClient(trust_env=False, timeout=20)
        self._url = ""

    @property
    def port(self) -> int:
        return int(self._url.rpartition(":")[2].partition("/")[0])

    async def open(self) -> None:
        """Start the server and wait until it listens."""
        self._directory.mkdir(parents=True)
        command = ("-m", "smsops", "-C", str(self._directory), "sandbox", "serve", "--port", "0")
        who = ("--login", MASTER, "--api-key", API_KEY)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            *who,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self._url = (await self._process.stdout.readline()).decode().strip()
        assert self._url, "the sandbox does not listen"

    async def close(self) -> None:
        """End the server."""
        await self._http.aclose()
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.communicate()

    async def snapshot(self) -> Any:
        """The whole account, and those of others."""
        return (await self._http.get(f"{self._root}/snapshot")).raise_for_status().json()

    async def begin(self) -> None:
        """An empty account, but for what others have there: a sub-account, lists, contacts and campaigns."""
        await self._control("reset")
        await self._control("master", login=MASTER, api_key=API_KEY, credits=CREDITS)
        person = {
            "FIRSTNAME": "Ada",
            "LASTNAME": "Else",
            "SOCIETY": "Else",
            "MOBILE": phone(900),
            "EMAIL": "ada@else.example",
            "PASSWORD": "their-own",
            "LOGIN": FOREIGN,
        }
        await self._call("createSubAccount", accountData=_data(**person))
        await self._call("manageSubAccountCredits", subAccount=FOREIGN, credits="777")
        for login in (MASTER, FOREIGN):
            structure = [{"FIELDNAME": "NAME", "FILTER": "0", "MAILING": "0"}]
            scope = {} if login == MASTER else {"SUBACCOUNT": login}
            await self._call("createList", listData=_data(LISTNAME=FOREIGN, STRUCTURE=structure, **scope))
            await self.add_contacts(login, FOREIGN, {phone(number): ("Ada", "") for number in range(3)})
        key = (await self.snapshot())["accounts"][FOREIGN]["api_key"]
        feed = {"MESSAGE": "Theirs", "DATE": "2031-06-17 10:00:00", "DYNAMIC": "0", "SMS": [{"MOBILEPHONE": phone(0)}]}
        await self._call("sendSms", smsData=_data(**feed))
        await self._call("sendSms", login=FOREIGN, apiKey=key, smsData=_data(**feed))

    async def add_contacts(self, login: str, name: str, contacts: dict[str, Row]) -> None:
        """Somebody else adds contacts to a list."""
        rows = [{"MOBILEPHONE": number, "NAME": n, "SHOP": s} for number, (n, s) in contacts.items()]
        scope = {} if login == MASTER else {"SUBACCOUNT": login}
        await self._call("populateList", populateData=_data(LISTNAME=name, CONTACT=rows, **scope))

    @property
    def _root(self) -> str:
        return self._url.replace("/http/9.0", "/_sandbox")

    async def _control(self, name: str, **body: object) -> None:
        (await self._http.post(f"{self._root}/{name}", json=body)).raise_for_status()

    async def _call(self, method: str, **parameters: str) -> None:
        given = {"login": MASTER, "apiKey": API_KEY, "returnformat": "json", **parameters}
        answer = (await self._http.post(f"{self._url}/{method}/", data=given)).raise_for_status().json()
        assert str(answer.get("status", 1)) in ("1", "100", "101"), answer


def _data(**content: object) -> str:
    return json.dumps({"DATA": content})

"""No request breaks the sandbox."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, new_api

PAYLOADS = {
    "createSubAccount": "accountData",
    "updateSubAccount": "accountData",
    "createList": "listData",
    "populateList": "populateData",
    "deleteContacts": "deleteData",
    "sendSms": "smsData",
    "sendEmail": "emailData",
}
STATUSES = ("105", "106", "107", "109", "110", "111", "114", "115")
KEYS = st.sampled_from(
    [
        "FIRSTNAME",
        "LASTNAME",
        "SOCIETY",
        "MOBILE",
        "EMAIL",
        "LOGIN",
        "PASSWORD",
        "ACTIVE",
        "COUNTRY",
        "SUBACCOUNT",
        "LISTNAME",
        "LOCKED",
        "STRUCTURE",
        "FIELDNAME",
        "CONTACT",
        "CONTACTS",
        "MOBILEPHONE",
        "NAME",
        "MESSAGE",
        "DYNAMIC",
        "DATE",
        "SMS",
        "PARAM_1",
        "TPOA",
        "FROM",
        "TO",
        "SUBJECT",
        "HTML",
        "CLIMSGID",
        "DATA",
        "Message",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "vip",
            "sub",
            "0612345678",
            "a@b.example",
            "#param_1#",
            "1",
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59",
            "\ud800",
        ]
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=20
)


@pytest.mark.parametrize("method", PAYLOADS)
def test_any_payload_gets_an_answer(method: str) -> None:
    """Whatever JSON stands in DATA, the answer is a success or a refusal, never a breakdown."""
    sandbox = Sandbox()
    api = new_api(sandbox)
    sandbox.add_sub_account(LOGIN, "sub")
    sandbox.add_list(LOGIN, "vip", ["NAME"])

    @settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(content=st.dictionaries(KEYS, VALUES, max_size=10))
    def check(content: dict[str, Any]) -> None:
        payload = json.dumps({"DATA": content})
        answer = api(method, **{PAYLOADS[method]: payload, "subAccount": "sub" if method == "updateSubAccount" else ""})
        assert str(answer["status"]) in ("0", "1", "100", "101", *STATUSES)

    check()
    sandbox.close()


def test_any_form_gets_an_answer() -> None:
    """Bodies that are no forms are calls without parameters."""
    sandbox = Sandbox()
    api = new_api(sandbox)
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x", "text/plain", ""):
        for body in (b"", b"\xff\xfe", b"--x\r\n", b"--x\r\n\r\n\r\n--x--", b"=&=;%zz"):
            assert post(api, content_type, body) == 200
    sandbox.close()


def post(api: Api, content_type: str, body: bytes) -> int:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=api.sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.post("/getInfo/", content=body, headers={"content-type": content_type})

    return asyncio.run(send()).status_code

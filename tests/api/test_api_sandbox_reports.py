"""The client against the emulator: what comes back of a campaign, email and simplified sending."""

from datetime import datetime, timedelta

import pytest

from smsops.api.client import WriterClient
from smsops.api.errors import Refused
from smsops.api.records import DeliveryStatus, Email, Message, Recipient
from smsops.cli.connect import SandboxWire
from smsops.sandbox.app import Sandbox
from tests.api.scripted_server import KEY, LOGIN, ask
from tests.api.test_api_sandbox import STYLES

NOW = datetime(2026, 11, 20, 12, 0, 0)
PHONES = tuple(f"336{number:08}" for number in range(60))


@pytest.mark.parametrize("style", STYLES)
def test_what_comes_back_of_a_campaign(style: str) -> None:
    """Reports and replies by campaign and by message say the same, in any style, and each reply is taken once."""
    sandbox = Sandbox(seed=1, reply_rate=0.5, stop_rate=0.1)
    sandbox.ensure_master(LOGIN, KEY, credits=10_000)
    sandbox.set_clock(NOW)
    sandbox.style(**STYLES[style])

    async def life(api: WriterClient) -> None:
        sent = await api.send_sms(Message("Bonjour", [Recipient(phone) for phone in PHONES], client_id="mine"))
        assert tuple(phone for phone, _ in sent.sms_ids) == PHONES
        sandbox.set_clock(NOW + timedelta(days=4))

        acks = await api.get_acks(sent.campaign_id)
        assert (acks.client_id, tuple(report.phone for report in acks.reports)) == ("mine", PHONES)
        assert any(report.status is DeliveryStatus.DELIVERED for report in acks.reports)
        assert all(report.status and report.received for report in acks.reports)
        (report,) = await api.get_ack_by_sms_id(sent.sms_ids[0][1])
        assert report == acks.reports[0]

        pulled = await api.get_pull(sent.campaign_id)
        taken = (*await api.get_pulls(limit=3), *await api.get_pulls())
        assert pulled.client_id == "mine"
        assert set(taken) == set(pulled.replies)
        assert len(taken) > 3
        assert await api.get_pulls() == ()
        id_of = dict(sent.sms_ids)
        (reply,) = await api.get_pull_by_sms_id(id_of[taken[0].phone])
        assert reply.phone == taken[0].phone
        silent = next(phone for phone in PHONES if phone not in {reply.phone for reply in taken})
        with pytest.raises(Refused):
            await api.get_pull_by_sms_id(id_of[silent])

        simplified = await api.send_simplified("Bonjour", PHONES[:2], sender="ACME")
        assert (simplified.status, len((await api.get_acks(simplified.campaign_id)).reports)) == (100, 2)
        email = Email("news@acme.example", ["marie@acme.example", "luc@acme.example"], "Soldes", "<p>Été</p>")
        assert (await api.send_email(email)).invalid_addresses == ()

    ask(SandboxWire(sandbox.app), life)
    sandbox.close()

"""The methods about what comes back: delivery reports (§8, §9) and replies (§10 to §12)."""

from smsops.sandbox import fates
from smsops.sandbox.answers import Body
from smsops.sandbox.calls import Call
from smsops.sandbox.store import Campaign, Reply, campaign_name, sms_of

_MOST = 1000


def get_acks(call: Call) -> Body:
    """getAcks (§8): the latest report on each SMS that has left, in the order of the recipients."""
    campaign = _campaign(call)
    found = [_ack(call, campaign, phone) for phone, _ in campaign.content["recipients"]]
    return {"acks": [ack for ack in found if ack is not None], "cliMsgId": campaign.content["climsgid"]}


def get_ack_by_sms_id(call: Call) -> Body:
    """getAckBySmsId (§9): the latest report on one SMS. What the platform does not say is how it answers without one."""
    campaign, place = _sms(call)
    ack = _ack(call, campaign, campaign.content["recipients"][place][0])
    if ack is None:
        raise call.refuse("No delivery report for this SMS")
    return ack


def _ack(call: Call, campaign: Campaign, phone: str) -> Body | None:
    if campaign.status != "sent":
        return None
    known = [
        report
        for report in fates.reports(call.recipients, campaign.id, phone, campaign.due)
        if report.moment <= call.now.timestamp()
    ]
    if not known:
        return None
    return {
        "phoneNumber": phone,
        "status": str(known[-1].status),
        "comment": fates.STATUSES[known[-1].status],
        "receptionDate": call.date(known[-1].moment),
    }


def get_pulls(call: Call) -> Body:
    """getPulls (§10): the replies to an account that this method has not given yet, most recent first."""
    account = call.target()
    limit = call.params.get("limit").strip() or str(_MOST)
    if not (limit.isascii() and limit.isdigit() and 0 < len(limit) < 10 and int(limit) > 0):
        raise call.refuse("The parameter limit is not valid")
    found = call.store.collect_replies(account.id, call.now.timestamp(), int(limit))
    return call.succeeded() | {"Mos": [_mo(call, reply) for reply in found]}


def get_pull(call: Call) -> Body:
    """getPull (§11): every reply to a campaign, however often one asks."""
    campaign = _campaign(call)
    found = call.store.replies(campaign.id, call.now.timestamp())
    return {"Mos": [_mo(call, reply) for reply in found], "CliMsgId": campaign.content["climsgid"]}


def get_pull_by_sms_id(call: Call) -> Body:
    """getPullBySmsId (§12): the latest reply to one SMS; that there is none is an error."""
    campaign, place = _sms(call)
    found = [reply for reply in call.store.replies(campaign.id, call.now.timestamp()) if reply.place == place]
    if not found:
        raise call.refuse("No response to this SMS")
    return {
        "phoneNumber": found[-1].phone,
        "campaignId": campaign.campaign_id,
        "message": found[-1].message,
        "receptionDate": call.date(found[-1].received),
    }


def _mo(call: Call, reply: Reply) -> Body:
    return {
        "phoneNumber": reply.phone,
        "Id": str(reply.id),
        "campaignId": campaign_name(reply.campaign),
        "Message": reply.message,
        "receptionDate": call.date(reply.received),
    }


def _campaign(call: Call) -> Campaign:
    """The campaign of SMS that the call is about, which is the account's own."""
    account = call.target()
    wanted = call.params.get("campId").strip()
    if not wanted:
        raise call.refuse("Campid parameter missing")
    campaign = call.store.campaign(wanted)
    if campaign is None or campaign.account_id != account.id or campaign.is_email:
        raise call.refuse("The campaign was not found")
    return campaign


def _sms(call: Call) -> tuple[Campaign, int]:
    """The campaign and the place of the SMS that the call is about; the old client writes `smsId`."""
    account = call.target()
    wanted = (call.params.get("smsIds") or call.params.get("smsId")).strip()
    if not wanted:
        raise call.refuse("SmsIds parameter missing")
    found = sms_of(wanted)
    campaign = None if found is None else call.store.campaign_by_id(found[0])
    if found is None or campaign is None or campaign.account_id != account.id or campaign.is_email:
        raise call.refuse("The SMS was not found")
    if found[1] >= len(campaign.content["recipients"]):
        raise call.refuse("The SMS was not found")
    return campaign, found[1]

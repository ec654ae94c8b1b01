"""The kinds of resources. A new kind is one module and one line here.

They are planned in this order: a kind may look at the changes of those before it.
"""

from smsops.kinds.base import Kind
from smsops.kinds.campaign import Campaign
from smsops.kinds.contacts import ContactSet
from smsops.kinds.credits import Credits
from smsops.kinds.email_campaign import EmailCampaign
from smsops.kinds.list import ContactList
from smsops.kinds.sub_account import SubAccount

KINDS: tuple[Kind, ...] = (
    SubAccount(),
    ContactList(),
    ContactSet(),
    Campaign(),
    EmailCampaign(),
    Credits(),
)

__all__ = ["KINDS", "Kind"]

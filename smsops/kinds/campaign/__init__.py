"""`campaign`: a message to many people at a date (manual §6, §7, §15)."""

from smsops.kinds.campaign.kind import Campaign

__all__ = ["Campaign"]

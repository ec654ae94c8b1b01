"""smsops: config-as-code for AllMySMS accounts."""

__version__ = "0.1.0"

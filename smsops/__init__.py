"""smsops: config-as-code for AllMySMS accounts."""

try:
    from smsops._version import __version__  # written when smsops is built: scripts/version.py
except ModuleNotFoundError:
    __version__ = "0.1.0.dev0"  # sources that were never built

__all__ = ["__version__"]

"""Which fields of a request clients may set."""

from danqing.request import Request

SERVER_ONLY_FIELDS = frozenset({"device", "dtype", "memory"})
"""Fields that only the server sets."""
FIELDS = tuple(name for name in Request.model_fields if name not in SERVER_ONLY_FIELDS)
"""Fields that clients may set."""

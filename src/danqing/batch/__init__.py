"""Paints many requests with several worker processes, and records every picture in a table."""

from danqing.batch.runner import paint_many
from danqing.batch.table import BatchRecord

__all__ = ["BatchRecord", "paint_many"]

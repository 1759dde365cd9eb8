"""The painting itself: a model loaded once, a request in, a stream of events out."""

from danqing.pipeline.model import Model, load_model
from danqing.pipeline.pipeline import Pipeline

__all__ = ["Model", "Pipeline", "load_model"]

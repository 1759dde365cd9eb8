"""The painting pipeline: load a model once, then run requests that yield events."""

from danqing.pipeline.model import LoadedModel, load_model
from danqing.pipeline.pipeline import Pipeline

__all__ = ["LoadedModel", "Pipeline", "load_model"]

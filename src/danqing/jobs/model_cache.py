"""The models that a worker keeps loaded."""

from collections import OrderedDict

import torch

from danqing.pipeline import Pipeline, load_model
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.registry import get_installed

_Key = tuple[str, str]


class Models:
    """Loads models when they are asked for and keeps those that were used last."""

    def __init__(self, settings: Settings, *, device: str, count: int) -> None:
        self._settings = settings
        self._device = settings.device if device == "auto" else device
        self._count = max(count, 1)
        self._loaded: OrderedDict[_Key, Pipeline] = OrderedDict()

    def __len__(self) -> int:
        return len(self._loaded)

    def take(self, request: Request) -> Pipeline:
        """The model of a request, from memory where it is there.

        Raises:
            DanqingError: as `danqing.load`.
            MemoryError: it does not fit, even alone.
        """
        key = (request.model, request.dtype)
        if key in self._loaded:
            self._loaded.move_to_end(key)
            return self._loaded[key]
        while len(self._loaded) >= self._count:
            self._loaded.popitem(last=False)
        try:
            pipeline = self._load(request)
        except (MemoryError, torch.OutOfMemoryError):
            if not self._loaded:
                raise MemoryError from None
            self.clear()
            return self.take(request)
        self._loaded[key] = pipeline
        return pipeline

    def clear(self) -> None:
        """Let go of all of them."""
        self._loaded.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _load(self, request: Request) -> Pipeline:
        found = get_installed(request.model, self._settings)
        return Pipeline(load_model(found, device=self._device, dtype=request.dtype), self._settings)

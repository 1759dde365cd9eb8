"""Loaded models of a worker."""

from collections import OrderedDict
from dataclasses import replace

import torch

from danqing.pipeline import Pipeline, load_model
from danqing.pipeline.joint_evaluation import JointEvaluator
from danqing.request import Request, read_request
from danqing.settings import Settings
from danqing.zoo.registry import get_installed
from danqing.zoo.resolve_request import resolve_request

_Key = tuple[str, str]


class ModelCache:
    """Loads models on demand and keeps the most recently used ones.

    Args:
        settings: location of the models.
        device: auto, cpu, cuda, cuda:1 or mps; auto follows the settings.
        count: maximum number of loaded models.
        joint: evaluates their U-Nets for several jobs at once; None: for one job at a time.
    """

    def __init__(self, settings: Settings, *, device: str, count: int, joint: JointEvaluator | None = None) -> None:
        self._settings = settings
        self._device = settings.device if device == "auto" else device
        self._count = max(count, 1)
        self._joint = joint
        self._loaded: OrderedDict[_Key, Pipeline] = OrderedDict()

    def __len__(self) -> int:
        return len(self._loaded)

    @property
    def device(self) -> str:
        """Name of the device."""
        return self._device

    def get(self, request: Request) -> Pipeline:
        """Return the model of a complete request, loaded if necessary.

        Raises:
            DanqingError: as `danqing.load`.
            MemoryError: it does not fit, even with no other model loaded.
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
            return self.get(request)
        self._loaded[key] = pipeline
        return pipeline

    def loaded(self, request: Request) -> Pipeline | None:
        """Return the model of a complete request if it is loaded. May be called by any thread."""
        return self._loaded.get((request.model, request.dtype))

    def preload(self, model: str) -> None:
        """Load a model as a request without further options uses it.

        Raises:
            DanqingError: the model is not installed or damaged.
            MemoryError: it does not fit.
        """
        spec = get_installed(model, self._settings).spec
        self.get(resolve_request(read_request({"prompts": "山"}), spec, self._settings))

    def clear(self) -> None:
        """Unload all models."""
        self._loaded.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _load(self, request: Request) -> Pipeline:
        installed = get_installed(request.model, self._settings)
        model = load_model(installed, home=self._settings.home, device=self._device, dtype=request.dtype)
        return Pipeline(replace(model, joint=self._joint), self._settings)

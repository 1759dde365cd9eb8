"""The models that a service offers and the names under which clients request them."""

from collections.abc import Sequence

from danqing.errors import DanqingError, ModelNotFound
from danqing.i18n import Text
from danqing.jobs import Job
from danqing.models.prompt_check import PromptReader, check_prompts, load_prompt_reader, load_unet_reader
from danqing.paddlehub.fallback import ResolvedModule, resolve_module
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.registry import get_installed, get_installed_clip, get_spec, installed_models
from danqing.zoo.spec import ModelSpec

AUTO = "auto"


class ModelRegistry:
    """The models of a service: those given at start, or all installed ones."""

    def __init__(self, settings: Settings, named: Sequence[str] = ()) -> None:
        """Find the models.

        Args:
            settings: location of the models.
            named: models to offer, the default first; empty for all installed ones.
        Raises:
            ModelNotFound: a model is unknown.
        """
        self._settings = settings
        self._named = {name: resolve_module(name, settings) for name in named}
        self._specs: dict[str, ModelSpec] = {}
        self._prompt_readers: dict[str, PromptReader] = {}
        self._unet_readers: dict[str, PromptReader | None] = {}

    @property
    def default(self) -> str:
        """Name of the default model."""
        named = next(iter(self._named.values()), None)
        return get_installed(AUTO, self._settings).spec.name if named is None else named.model

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, the default first."""
        if self._named:
            return tuple(dict.fromkeys(module.model for module in self._named.values()))
        return tuple(dict.fromkeys((self.default, *(spec.name for spec in installed_models(self._settings)))))

    @property
    def notices(self) -> tuple[ResolvedModule, ...]:
        """Models given at start that another model replaces."""
        return tuple(module for module in self._named.values() if module.notice)

    @property
    def served_module(self) -> str:
        """A name accepted by PaddleHub's route, for examples."""
        return next(iter(self._named), self.default)

    def resolve(self, requested: str) -> str:
        """Return the model for a requested name.

        Raises:
            ModelNotFound: it is not offered; the message lists the offered ones.
        """
        if requested == AUTO:
            return self.default
        if requested not in self.models:
            offered = ", ".join(self.models)
            raise ModelNotFound(
                f"没有模型 {requested[:80]}。可用的模型：{offered}。",
                f"There is no model {requested[:80]!r}. Available models: {offered}.",
            )
        return requested

    def check_prompts(self, request: Request) -> tuple[Text, ...]:
        """Return messages about prompts that may not be painted as expected; see `models.prompt_check`.

        Args:
            request: completed with its model's defaults.
        """
        installed = get_installed(self.resolve(request.model), self._settings)
        named = [get_installed_clip(clip.name, self._settings) for clip in request.clip_weights()]
        for clip in named or installed.clips:
            if clip.name not in self._prompt_readers:
                self._prompt_readers[clip.name] = load_prompt_reader(clip)
        if installed.spec.name not in self._unet_readers:
            self._unet_readers[installed.spec.name] = load_unet_reader(installed)
        unet_reader = self._unet_readers[installed.spec.name]
        clip_readers = [self._prompt_readers[clip.name] for clip in named or installed.clips]
        return check_prompts(request, [*([unet_reader] if unet_reader else []), *clip_readers])

    def notices_of(self, job: Job) -> tuple[Text, ...]:
        """Return the messages about the prompts of a stored job; none if its request or its model is no longer valid."""
        try:
            return self.check_prompts(job.request)
        except DanqingError:
            return ()

    def notices_for(self, request: Request) -> tuple[Text, ...]:
        """Return the messages about the prompts of a request that was accepted; the same as those of its job."""
        try:
            return self.check_prompts(self.with_defaults(request))
        except DanqingError:
            return ()

    def with_defaults(self, request: Request) -> Request:
        """Return a request completed with its model's defaults."""
        name = self.resolve(request.model)
        if name not in self._specs:
            self._specs[name] = get_spec(name, self._settings)
        return request.with_defaults(self._specs[name].defaults_for(request))

    def resolve_module(self, name: str) -> ResolvedModule | None:
        """Return the model for a PaddleHub module; None if it is not offered."""
        if self._named:
            return self._named.get(name)
        try:
            return resolve_module(name, self._settings)
        except ModelNotFound:
            return None

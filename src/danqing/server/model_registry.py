"""Which models the service paints with, and under which names they can be asked for."""

from collections.abc import Sequence

from danqing.errors import ModelNotFound
from danqing.paddlehub.fallback import Painter, painter_of
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.registry import get_installed, installed_models, get_spec
from danqing.zoo.spec import ModelSpec

AUTO = "auto"


class Shelf:
    """The models of a service: those that were named when it started, or else all that are installed."""

    def __init__(self, settings: Settings, named: Sequence[str] = ()) -> None:
        """Look the models up.

        Args:
            settings: where they lie.
            named: the first one is taken where a caller names none; empty for all that are installed.
        Raises:
            ModelNotFound: one is unknown.
        """
        self._settings = settings
        self._named = {name: painter_of(name, settings) for name in named}
        self._specs: dict[str, ModelSpec] = {}

    @property
    def default(self) -> str:
        """The model that paints where a caller names none."""
        named = next(iter(self._named.values()), None)
        return get_installed(AUTO, self._settings).spec.name if named is None else named.model

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that paint, the default first."""
        if self._named:
            return tuple(dict.fromkeys(painter.model for painter in self._named.values()))
        return tuple(dict.fromkeys((self.default, *(spec.name for spec in installed_models(self._settings)))))

    @property
    def remarks(self) -> tuple[Painter, ...]:
        """Models that were named but are painted for by another one."""
        return tuple(painter for painter in self._named.values() if painter.remark)

    @property
    def served_module(self) -> str:
        """A name that PaddleHub's route knows, for examples."""
        return next(iter(self._named), self.default)

    def model(self, asked: str) -> str:
        """The model for a request.

        Raises:
            ModelNotFound: it is not offered here; those that are are named.
        """
        if asked == AUTO:
            return self.default
        if asked not in self.models:
            offered = ", ".join(self.models)
            raise ModelNotFound(
                f"这里没有模型 {asked[:80]}。有：{offered}。",
                f"There is no model {asked[:80]!r} here. There are: {offered}.",
            )
        return asked

    def filled(self, request: Request) -> Request:
        """A request with its model's own defaults; the model is looked up once."""
        name = self.model(request.model)
        if name not in self._specs:
            self._specs[name] = get_spec(name, self._settings)
        return request.with_defaults(self._specs[name].defaults_for(request))

    def module(self, name: str) -> Painter | None:
        """Who paints for a PaddleHub module; None for one that is not served."""
        if self._named:
            return self._named.get(name)
        try:
            return painter_of(name, self._settings)
        except ModelNotFound:
            return None

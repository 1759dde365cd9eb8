"""The end of a run: painted pictures are enlarged, inscribed, mounted and labelled as the request says."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from danqing.events import Completed, Event, Previewed, Started, Warned
from danqing.finishing.finish import finish_prepared
from danqing.finishing.preparation import Prepared
from danqing.i18n import Text
from danqing.pipeline.canvas import FullSize, InitCanvas
from danqing.pipeline.images import to_images
from danqing.pipeline.model import LoadedModel
from danqing.pipeline.upscale import Upscaler
from danqing.provenance.visible_label import draw_label
from danqing.request import Request


@dataclass(frozen=True, eq=False, slots=True)
class Completion:
    """Turns painted pictures of one run into finished ones.

    Attributes:
        request: complete.
        upscaler: None if the pictures are not enlarged.
        full: the initial image, if only a part of it is repainted on a smaller canvas.
        finishing: inscription, seal and mount.
    """

    request: Request
    upscaler: Upscaler | None
    full: FullSize | None
    finishing: Prepared

    @property
    def notices(self) -> tuple[Text, ...]:
        """Messages to the user about inscription, seal and mount."""
        return self.finishing.notices

    def previews(self, images: Sequence[Image.Image], first: int, *, step: int, last: bool) -> Iterator[Previewed]:
        """Yield the previews of a step; `first` is the number of the first picture."""
        for number, image in enumerate(images, first):
            preview = draw_label(image) if self.request.label else image.copy()
            yield Previewed(picture=number, step=step, last=last, image=preview)

    def complete(self, images: Sequence[Image.Image], first: int, *, nan_steps: int = 0) -> Iterator[Event]:
        """Yield the progress of enlarging, and each finished picture."""
        for number, image in enumerate(images, first):
            enlarged = yield from self._enlarge(image, number)
            if self.full is not None:
                enlarged = self.full.paste(enlarged)
            finished = finish_prepared(enlarged, self.finishing)
            result = finished.with_label() if self.request.label else finished.image.copy()
            seed = (self.request.seed or 0) + number
            yield Completed(picture=number, seed=seed, image=result, nan_steps=nan_steps)

    def _enlarge(self, image: Image.Image, number: int) -> Generator[Event, None, Image.Image]:
        if self.upscaler is None:
            return image
        return (yield from self.upscaler.enlarge(image, self.request.upscale, number=number))


def complete_unpainted(model: LoadedModel, canvas: InitCanvas, completion: Completion) -> Iterator[Event]:
    """Yield the events of a run with the strength 0: the initial image is enlarged and finished, but not painted.

    Args:
        model: the model of the run, which is only named.
        canvas: the initial image.
        completion: of the run.
    """
    request = completion.request
    seeds = tuple((request.seed or 0) + number for number in range(request.image_count))
    yield Started(request=request, model=model.spec.name, device=str(model.device), seeds=seeds, steps=0)
    yield from (Warned(zh=notice.zh, en=notice.en) for notice in (*canvas.notices, *completion.notices))
    images = to_images(canvas.pixels)
    for number in range(request.image_count):
        yield from completion.previews(images, number, step=0, last=True)
        yield from completion.complete(images, number)

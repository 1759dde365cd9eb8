"""Events go to JSON and back."""

import pytest
from PIL import Image, ImageChops
from pydantic import ValidationError

from danqing.events import Completed, Downloaded, Event, Failed, Previewed, Started, Stepped, Warned, from_json, to_json
from danqing.request import read_request

REQUEST = read_request({"prompts": "山", "cut_overview": "[12]*400+[4]*600", "seed": 3})


@pytest.mark.parametrize(
    "event",
    [
        Started(request=REQUEST, model="m", device="cpu", seeds=(3, 4), steps=250),
        Warned(zh="字", en="word"),
        Stepped(batch=0, step=3, steps=10, loss=1.5, nan=True, seconds=0.25),
        Previewed(picture=0, step=3, last=False, image=None),
        Completed(picture=0, seed=3, image=None, nan_steps=1),
        Failed(reason="out_of_memory", zh="内存", en="memory", batch=0, step=2),
        Downloaded(file="a", bytes=1, total=None),
    ],
)
def test_every_event_survives_json(event: Event) -> None:
    line = to_json(event)
    assert "\n" not in line
    assert from_json(line) == event


def test_a_picture_travels_as_a_data_uri() -> None:
    image = Image.new("RGB", (3, 2), (10, 20, 30))
    event = from_json(to_json(Completed(picture=0, seed=1, image=image)))
    assert isinstance(event, Completed)
    assert isinstance(event.image, Image.Image)
    assert ImageChops.difference(event.image, image).getbbox() is None


def test_events_are_frozen_and_closed() -> None:
    event = Warned(zh="字", en="word")
    with pytest.raises(ValidationError):
        event.zh = "别的"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValidationError):
        from_json('{"type": "warned", "zh": "a", "en": "b", "spare": 1}')
    with pytest.raises(ValidationError):
        from_json('{"type": "unknown"}')

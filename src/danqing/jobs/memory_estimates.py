"""Memory of requests, as estimated by the workers that have loaded the model."""

import json
from collections.abc import Callable

from danqing.request import Request

MAX_ENTRIES = 1000
"""Estimates that are kept; when there are more, all are forgotten."""
_FIELDS = (
    *("model", "dtype", "size", "upscale", "strength", "refine", "sketches", "guidance_scale", "clip", "guide_through"),
    *(
        "use_secondary",
        "clip_guidance_scale",
        "cutn_batches",
        "cut_overview",
        "cut_innercut",
        "init_scale",
        "perlin_init",
    ),
)
"""Fields of a request that its memory depends on, besides the number of prompts."""

Ask = Callable[[str, Request], None]
"""Asks a worker for the memory of a request; the key is returned with the answer."""


class MemoryEstimates:
    """Estimates by the fields that the memory depends on. Shared by threads; a worker is asked once for each."""

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}
        self._asked: set[str] = set()

    def get(self, request: Request, ask: Ask) -> int | None:
        """Return the bytes that a complete request needs; None if they are not known yet, and then a worker is asked."""
        found: list[int] = []
        for key, one in {_key(part): part for part in request.cells() or (request,)}.items():
            if key in self._bytes:
                found.append(self._bytes[key])
                continue
            if key not in self._asked:
                self._asked.add(key)
                ask(key, one)
            return None
        return max(found)

    def set(self, key: str, bytes: int | None) -> None:
        """Keep the answer of a worker; None if it has not loaded the model, so that it is asked again."""
        if len(self._bytes) >= MAX_ENTRIES:
            self._bytes.clear()
        self._asked.discard(key)
        if bytes is not None:
            self._bytes[key] = bytes


def _key(request: Request) -> str:
    values = request.model_dump(mode="json", include=set(_FIELDS))
    return json.dumps([len(request.parsed_prompts()), sorted(values.items())])

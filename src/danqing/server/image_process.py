"""Decodes an image of a client in a process of its own, with limits of time and memory.

Decoders are written in C and read what a stranger sends. An image that crashes them, takes long or needs much memory costs
this process, not the service; the memory returns to the system with it. Starting it takes 0.2 seconds.
"""

import base64
import binascii
import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import NamedTuple, NoReturn

from danqing.errors import InvalidRequest
from danqing.i18n import Text
from danqing.inputs.image_file import decode_image, image_error, read_header
from danqing.settings import worker_environment

CPU_LIMIT = 20
"""Seconds of processor time for one image; the largest accepted image needs two."""
TIME_LIMIT = 120.0
"""Seconds for one image on a busy machine."""
MEMORY_LIMIT = 2 * 2**30
"""Bytes of address space: the largest accepted image needs half of it."""
PRIORITY = 5
"""Added to the niceness of the process, so that pictures that are checked do not delay the service."""
_NAME = "data:…"


class CheckedImage(NamedTuple):
    """An image that was decoded successfully."""

    media_type: str
    transparent: bool
    """True if the picture has transparent parts."""


def check_image(encoded: str) -> CheckedImage:
    """Decode an image completely.

    Args:
        encoded: the image in base64, without white space.
    Raises:
        InvalidRequest: it is not base64, too large, damaged, animated, or not PNG, JPEG or WebP.
    """
    command = [sys.executable, "-P", "-m", __name__]
    too_costly = image_error(_NAME, Text("解码它需要太多时间或内存", "decoding it takes too much time or memory"))
    try:
        done = subprocess.run(
            command,
            input=encoded.encode("utf-8", "replace"),
            stdout=subprocess.PIPE,
            timeout=TIME_LIMIT,
            env=worker_environment(1),
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise too_costly from error
    result: dict[str, str] = json.loads(done.stdout)
    if "media_type" not in result:
        raise InvalidRequest(result["zh"], result["en"], field="init_image")
    return CheckedImage(result["media_type"], bool(result["transparent"]))


def _limit_this_process() -> None:
    with suppress(ImportError, AttributeError, OSError, ValueError):  # Windows has no such limits
        import resource

        os.nice(PRIORITY)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT, CPU_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> NoReturn:
    """Read an image in base64 from standard input, and write its media type or the error as JSON."""
    _limit_this_process()
    try:
        data = base64.b64decode(sys.stdin.buffer.read(), validate=True)
        header = read_header(data, _NAME)
        transparent = decode_image(data, _NAME).alpha is not None
        result = {"media_type": header.media_type, "transparent": transparent}
    except binascii.Error:
        result = {
            "zh": "底图不能用：不是有效的 base64。",
            "en": "The initial image cannot be used: it is not valid base64.",
        }
    except InvalidRequest as error:
        result = {"zh": error.zh, "en": error.en}
    print(json.dumps(result))
    sys.exit(0)


if __name__ == "__main__":
    main()

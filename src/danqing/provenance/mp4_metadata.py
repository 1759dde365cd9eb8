"""Reads and writes the metadata keys of an MP4 file (moov.udta.meta) with PyAV; the streams are copied, not encoded."""

import io
from collections.abc import Mapping

# PyAV's types are incomplete.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
import av
from av.error import FFmpegError

from danqing.provenance.containers import UnsupportedFileError


def read_keys(data: bytes) -> dict[str, str]:
    """Return the metadata keys of a file.

    Raises:
        UnsupportedFileError: the file is damaged.
    """
    try:
        with av.open(io.BytesIO(data), metadata_errors="replace") as video:
            return {str(key): str(value) for key, value in video.metadata.items()}
    except (FFmpegError, ValueError) as error:
        raise UnsupportedFileError(str(error)) from error


def write_keys(data: bytes, values: Mapping[str, str]) -> bytes:
    """Return a file with some metadata keys set and all others kept.

    Raises:
        UnsupportedFileError: the file is damaged.
    """
    try:
        return _remux(data, values)
    except (FFmpegError, ValueError) as error:
        raise UnsupportedFileError(str(error)) from error


def _remux(data: bytes, values: Mapping[str, str]) -> bytes:
    target = io.BytesIO()
    # Without this flag the muxer drops all keys but the few that iTunes knows.
    options = {"movflags": "use_metadata_tags"}
    with av.open(io.BytesIO(data), "r") as source, av.open(target, "w", format="mp4", options=options) as video:
        video.metadata.update({**source.metadata, **values})
        streams = {stream.index: video.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:  # the last packet of each stream is empty
                packet.stream = streams[packet.stream.index]
                video.mux(packet)
    return target.getvalue()

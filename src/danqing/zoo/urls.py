"""Download URLs of published files: the user's mirror, Hugging Face, ModelScope and plain URLs."""

from pathlib import Path
from urllib.parse import quote

from danqing.settings import Settings
from danqing.zoo.spec import RemoteFile

HUGGING_FACE = ("https://huggingface.co", "https://hf-mirror.com")


def download_urls(file: RemoteFile, settings: Settings) -> tuple[str, ...]:
    """Return the distinct URLs of a file in the order in which they are tried."""
    urls = [f"{settings.mirror}/{quote(file.name)}"] if settings.mirror else []
    for source in file.sources:
        scheme, _, rest = source.partition(":")
        match scheme:
            case "hf":
                repository, path = _split(rest)
                hosts = (settings.hf_endpoint,) if settings.hf_endpoint else HUGGING_FACE
                urls += [f"{host}/{repository}/resolve/main/{quote(path)}" for host in hosts]
            case "ms":
                repository, path = _split(rest)
                api = f"{settings.modelscope}/api/v1/models/{repository}/repo"
                urls.append(f"{api}?Revision=master&FilePath={quote(path, safe='')}")
            case _:
                urls.append(source)
    return tuple(dict.fromkeys(urls))


def hf_cache_path(file: RemoteFile, settings: Settings) -> Path | None:
    """Return the path of the file in the local Hugging Face cache, or None. The content is not checked."""
    for source in file.sources:
        scheme, _, rest = source.partition(":")
        if scheme == "hf":
            repository, path = _split(rest)
            kind = "" if repository.startswith("spaces/") else "models/"
            snapshots = settings.hf_cache / f"{kind}{repository}".replace("/", "--") / "snapshots"
            cached = next((s / path for s in sorted(snapshots.glob("*")) if (s / path).is_file()), None)
            if cached:
                return cached
    return None


def _split(rest: str) -> tuple[str, str]:
    """Split 'owner/repository/folder/file' into repository and path. Spaces have 'spaces/' in front of the owner."""
    parts = rest.split("/")
    count = 3 if parts[0] == "spaces" else 2
    return "/".join(parts[:count]), "/".join(parts[count:])

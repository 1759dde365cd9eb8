"""From a published file to the addresses it is asked for at: the user's mirror, Hugging Face, ModelScope, plain addresses."""

from pathlib import Path
from urllib.parse import quote

from danqing.settings import Settings
from danqing.zoo.spec import Published

HUGGING_FACE = ("https://huggingface.co", "https://hf-mirror.com")


def addresses(file: Published, settings: Settings) -> tuple[str, ...]:
    """Every address of a file, in the order in which they are tried, each once."""
    found = [f"{settings.mirror}/{quote(file.name)}"] if settings.mirror else []
    for source in file.sources:
        scheme, _, rest = source.partition(":")
        match scheme:
            case "hf":
                repository, path = _split(rest)
                hosts = (settings.hf_endpoint,) if settings.hf_endpoint else HUGGING_FACE
                found += [f"{host}/{repository}/resolve/main/{quote(path)}" for host in hosts]
            case "ms":
                repository, path = _split(rest)
                api = f"{settings.modelscope}/api/v1/models/{repository}/repo"
                found.append(f"{api}?Revision=master&FilePath={quote(path, safe='')}")
            case _:
                found.append(source)
    return tuple(dict.fromkeys(found))


def cached(file: Published, settings: Settings) -> Path | None:
    """The file in Hugging Face's cache on this machine, if it is there; not checked."""
    for source in file.sources:
        scheme, _, rest = source.partition(":")
        if scheme == "hf":
            repository, path = _split(rest)
            kind = "" if repository.startswith("spaces/") else "models/"
            place = settings.hf_cache / f"{kind}{repository}".replace("/", "--") / "snapshots"
            found = next((snapshot / path for snapshot in sorted(place.glob("*")) if (snapshot / path).is_file()), None)
            if found:
                return found
    return None


def _split(rest: str) -> tuple[str, str]:
    """'owner/repository/folder/file' -> repository and path; a space's repository has 'spaces/' in front."""
    parts = rest.split("/")
    count = 3 if parts[0] == "spaces" else 2
    return "/".join(parts[:count]), "/".join(parts[count:])

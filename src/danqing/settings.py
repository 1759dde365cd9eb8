"""What the environment says, read once: where state lives, which device and language, what is allowed.

The standard library alone: `danqing --help` reads this, and a settings library costs more time than all the rest of it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from danqing.errors import InvalidRequest
from danqing.i18n import Language

_SWITCH = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "": False,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment as one frozen value. Each field is a variable DANQING_<NAME>, for instance DANQING_HOME."""

    home: Path
    """Folder of all state: models, configuration, the list of runs."""
    language: Language
    """Language of messages. Without DANQING_LANGUAGE the locale decides; Chinese unless it is English."""
    device: str
    """auto, cpu, cuda, cuda:1 or mps."""
    offline: bool
    """Never touch the network; where it is not set, HF_HUB_OFFLINE counts."""
    max_pixels: int
    """Largest canvas, width times height."""
    memory: float | None
    """Memory that painting may take, in GB of 2**30 bytes; None: what the device has."""
    mirror: str | None
    """Address of a folder with the original weight files under their published names; asked before all others."""
    hf_endpoint: str | None
    """Where Hugging Face's files are, else HF_ENDPOINT; without both, huggingface.co and then hf-mirror.com."""
    hf_cache: Path
    """Hugging Face's cache, whose files need no download, else HF_HUB_CACHE, else "hub" in HF_HOME."""
    modelscope: str
    """ModelScope's address, else MODELSCOPE_DOMAIN."""

    @property
    def models(self) -> Path:
        """Where installed models lie, one folder each."""
        return self.home / "models"

    @property
    def downloads(self) -> Path:
        """Where original files lie until they are installed."""
        return self.home / "downloads"

    @property
    def models_file(self) -> Path:
        """The user's own models."""
        return self.home / "models.yaml"

    @property
    def config_file(self) -> Path:
        """The user's own defaults for requests."""
        return self.home / "config.yaml"

    @property
    def runs_file(self) -> Path:
        """The list of run folders, one path a line, newest last."""
        return self.home / "runs.txt"

    @property
    def service(self) -> Path:
        """Where the service keeps its jobs."""
        return self.home / "service"


def read_settings() -> Settings:
    """Read the environment now. Called once at the edge of a program and passed down.

    Raises:
        InvalidRequest: a variable has a value that cannot be understood.
    """
    return from_env(os.environ)


def from_env(variables: Mapping[str, str]) -> Settings:
    return Settings(
        home=Path(variables.get("DANQING_HOME") or Path.home() / ".danqing").expanduser(),
        language=_language(variables),
        device=variables.get("DANQING_DEVICE") or "auto",
        offline=_bool(variables, "DANQING_OFFLINE" if variables.get("DANQING_OFFLINE") else "HF_HUB_OFFLINE"),
        max_pixels=_int(variables, "DANQING_MAX_PIXELS", 1_600_000),
        memory=_float(variables, "DANQING_MEMORY"),
        mirror=_url(variables, "DANQING_MIRROR"),
        hf_endpoint=_url(variables, "DANQING_HF_ENDPOINT") or _url(variables, "HF_ENDPOINT"),
        hf_cache=_hf_cache(variables),
        modelscope=_url(variables, "DANQING_MODELSCOPE")
        or _url(variables, "MODELSCOPE_DOMAIN")
        or "https://modelscope.cn",
    )


def _url(variables: Mapping[str, str], name: str) -> str | None:
    """An http address without a slash at its end; a bare domain stands for https."""
    value = variables.get(name, "").strip().rstrip("/")
    if not value:
        return None
    address = value if "://" in value else f"https://{value}"
    if not address.startswith(("https://", "http://")):
        raise _invalid(name, value, "https://… / http://…")
    return address


def _hf_cache(variables: Mapping[str, str]) -> Path:
    home = Path(variables.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(variables.get("DANQING_HF_CACHE") or variables.get("HF_HUB_CACHE") or home / "hub").expanduser()


def _language(variables: Mapping[str, str]) -> Language:
    chosen = variables.get("DANQING_LANGUAGE", "").lower()
    if chosen:
        if chosen not in ("zh", "en"):
            raise _invalid("DANQING_LANGUAGE", chosen, "zh / en")
        return chosen
    locale = next((variables[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if variables.get(name)), "")
    return "en" if locale.lower().startswith("en") else "zh"


def _bool(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name, "").strip().lower()
    if value not in _SWITCH:
        raise _invalid(name, value, "true / false")
    return _SWITCH[value]


def _int(variables: Mapping[str, str], name: str, default: int) -> int:
    value = variables.get(name) or str(default)
    if not value.isdecimal() or int(value) == 0:
        raise _invalid(name, value, "1, 2, 3 …")
    return int(value)


def _float(variables: Mapping[str, str], name: str) -> float | None:
    """A positive number, whole or not; None where nothing is said."""
    value = variables.get(name, "").strip()
    if not value:
        return None
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?) *(?:GB?|GiB)?", value, re.IGNORECASE)
    if not found or not float(found[1]):
        raise _invalid(name, value, "4, 6, 7.5, 24 … (GB)")
    return float(found[1])


def _invalid(name: str, value: str, accepted: str) -> InvalidRequest:
    return InvalidRequest(
        f"环境变量 {name}={value} 看不懂，可以是：{accepted}。",
        f"The environment variable {name}={value} is not understood; it can be: {accepted}.",
        field=name,
    )

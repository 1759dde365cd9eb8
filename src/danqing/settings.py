"""Settings from environment variables; the provider's name also from the configuration file.

Only the standard library is used: `danqing --help` reads this, and importing a settings library would dominate its time.
"""

import codecs
import math
import os
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from danqing.errors import InvalidRequest
from danqing.i18n import Language

if TYPE_CHECKING:
    import subprocess

MAX_PIXELS = 1792 * 1024
"""Default of the largest canvas in pixels: the largest size of OpenAI's API."""

_BOOLEANS = {
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


_CONFIG = "config.yaml"
_PRODUCER = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
_PRODUCER_FORM = 'ASCII, no space, no ", no \\'
_PRODUCER_LINE = re.compile(rb"^producer:[ \t]*([^\r\n]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the program. Each field is an environment variable DANQING_<NAME>, for example DANQING_HOME."""

    home: Path
    """Folder of models, configuration and the list of runs."""
    language: Language
    """Language of messages. Defaults to the locale: Chinese for zh locales or without a locale, else English."""
    device: str
    """auto, cpu, cuda, cuda:1 or mps."""
    offline: bool
    """Disable network access. Defaults to HF_HUB_OFFLINE."""
    max_pixels: int
    """Maximum width times height of a canvas."""
    memory: float | None
    """Memory limit of painting in GB (2**30 bytes); None: all memory of the device."""
    threads: int | None
    """Number of CPU threads of a run; None: chosen by the size of the network and the available cores."""
    mirror: str | None
    """URL of a folder with the published weight files; tried before all other sources."""
    hf_endpoint: str | None
    """Hugging Face URL. Defaults to HF_ENDPOINT, else huggingface.co and then hf-mirror.com."""
    hf_cache: Path
    """Hugging Face cache, whose files are not downloaded again. Defaults to HF_HUB_CACHE, else "hub" in HF_HOME."""
    modelscope: str
    """ModelScope URL. Defaults to MODELSCOPE_DOMAIN."""
    producer: str
    """Name or 27-character code of the provider, stored in the label of every generated file. Without a variable it is read from
    the line "producer: NAME" of config.yaml."""
    database: str | None
    """PostgreSQL database of the service's jobs, such as postgresql://user@host/danqing; None: a file in the home."""
    store: str | None
    """URL of a shared folder or object store with copies of the service's runs, such as s3://bucket/danqing; None: no copies."""
    c2pa_certificate: Path | None
    """Certificate chain (PEM) with which files are signed; None: they are not signed."""
    c2pa_key: Path | None
    """Private key (PEM) of the certificate; None: it is in the file of the certificate."""
    c2pa_timestamp_url: str | None
    """URL of a time-stamping authority for signatures."""

    @property
    def models(self) -> Path:
        """Folder of installed models, one subfolder each."""
        return self.home / "models"

    @property
    def downloads(self) -> Path:
        """Folder of downloaded files that are not installed yet."""
        return self.home / "downloads"

    @property
    def fonts(self) -> Path:
        """Folder of installed fonts for inscriptions."""
        return self.home / "fonts"

    @property
    def models_file(self) -> Path:
        """File that lists the user's custom models."""
        return self.home / "models.yaml"

    @property
    def config_file(self) -> Path:
        """File with the user's defaults for requests and the provider's name."""
        return self.home / _CONFIG

    @property
    def runs_file(self) -> Path:
        """File that lists run folders, one path per line, newest last."""
        return self.home / "runs.txt"

    @property
    def service(self) -> Path:
        """Folder of the service's jobs."""
        return self.home / "service"


def read_settings() -> Settings:
    """Read the settings from the environment. Called once at program start.

    Raises:
        InvalidRequest: a variable has an invalid value.
    """
    return from_env(os.environ)


def set_threads(threads: int | None) -> None:
    """Set DANQING_THREADS for this process and its child processes, for a command-line option; None changes nothing."""
    if threads is not None:
        os.environ["DANQING_THREADS"] = str(threads)


def set_passive_waiting() -> None:
    """Let waiting threads of OpenMP sleep instead of spin. Call before torch is imported; variables that are set stay.

    A spinning thread takes the core from the thread that it waits for: beside one other busy process, a run takes ten
    times as long.
    """
    for name, value in (("OMP_WAIT_POLICY", "PASSIVE"), ("GOMP_SPINCOUNT", "0"), ("KMP_BLOCKTIME", "0")):
        os.environ.setdefault(name, value)


def set_ray_defaults() -> None:
    """Set the environment of Ray before it is imported: no usage statistics, workers of normal priority, and `print` as it is.

    By default Ray starts its workers with a niceness of 15, with which they hardly run beside another busy program, and
    replaces `builtins.print` for its progress bars. Variables that are set stay.
    """
    values = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_TQDM_PATCH_PRINT": "0"}
    for name, value in values.items():
        os.environ.setdefault(name, value)


@contextmanager
def unchanged_variable(name: str) -> Generator[None]:
    """Restore an environment variable of this process that a library changes during the block."""
    before = os.environ.get(name)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def worker_environment(workers: int) -> dict[str, str]:
    """Return the environment of one of several worker processes, which share the cores of the CPU."""
    set_passive_waiting()
    environment = dict(os.environ)
    if workers > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, available_cores() // workers)))
    return environment


def start_worker(module: str, workers: int) -> "subprocess.Popen[bytes]":
    """Start a module as one of several worker processes, with pipes for its standard input and output."""
    import subprocess

    # A new session, so that Ctrl-C only reaches the parent; -P, so that no file in the current folder is imported.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env=worker_environment(workers),
    )


def available_cores() -> int:
    """Return the number of CPU cores that this process may use: its affinity mask, limited by a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # not Linux, or no quota
        pass
    return max(1, cores)


def from_env(variables: Mapping[str, str]) -> Settings:
    """Read the settings from a mapping of environment variables; see `read_settings`."""
    home = Path(variables.get("DANQING_HOME") or Path.home() / ".danqing").expanduser()
    return Settings(
        home=home,
        language=_language(variables),
        device=variables.get("DANQING_DEVICE") or "auto",
        offline=_bool(variables, "DANQING_OFFLINE" if variables.get("DANQING_OFFLINE") else "HF_HUB_OFFLINE"),
        max_pixels=_int(variables, "DANQING_MAX_PIXELS", MAX_PIXELS),
        memory=_float(variables, "DANQING_MEMORY"),
        threads=_int(variables, "DANQING_THREADS", 1) if variables.get("DANQING_THREADS") else None,
        mirror=_url(variables, "DANQING_MIRROR"),
        hf_endpoint=_url(variables, "DANQING_HF_ENDPOINT") or _url(variables, "HF_ENDPOINT"),
        hf_cache=_hf_cache(variables),
        modelscope=_url(variables, "DANQING_MODELSCOPE")
        or _url(variables, "MODELSCOPE_DOMAIN")
        or "https://modelscope.cn",
        producer=_producer(variables, home / _CONFIG),
        database=variables.get("DANQING_DATABASE", "").strip() or None,
        store=variables.get("DANQING_STORE", "").strip() or None,
        c2pa_certificate=_path(variables, "DANQING_C2PA_CERTIFICATE"),
        c2pa_key=_path(variables, "DANQING_C2PA_KEY"),
        c2pa_timestamp_url=_url(variables, "DANQING_C2PA_TIMESTAMP_URL"),
    )


def _producer(variables: Mapping[str, str], config: Path) -> str:
    """Return the provider's name; GB 45438-2025 allows printable ASCII without space, quote and backslash."""
    value = variables.get("DANQING_PRODUCER", "").strip()
    if value and not _PRODUCER.fullmatch(value):
        raise _invalid("DANQING_PRODUCER", value, _PRODUCER_FORM)
    value = value or _producer_in(config) or "danqing"
    if not _PRODUCER.fullmatch(value):
        raise InvalidRequest(
            f"配置文件 {config}：producer 的值“{value[:40]}”无效，可用的值：{_PRODUCER_FORM}。",
            f"Configuration file {config}: producer {value[:40]!r} is invalid. Valid values: {_PRODUCER_FORM}.",
        )
    return value


def _producer_in(config: Path) -> str:
    """Return the provider's name as the configuration file sets it; empty if it does not.

    Only this line is read, as text: a YAML parser would take a code of 27 digits for a number.
    """
    try:
        data = config.read_bytes()
    except OSError:  # no file; commands that need its other values report what is wrong with it
        return ""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    line = _PRODUCER_LINE.search(data.removeprefix(codecs.BOM_UTF8))
    if line is None:
        return ""
    value = re.sub(r"(^|\s+)#.*", "", line[1].decode("utf-8", "replace")).strip()
    quoted = re.fullmatch(r"""(["'])(.*)\1""", value)
    return quoted[2] if quoted else value


def _path(variables: Mapping[str, str], name: str) -> Path | None:
    value = variables.get(name, "").strip()
    return Path(value).expanduser() if value else None


def _url(variables: Mapping[str, str], name: str) -> str | None:
    """Return an http(s) URL without a trailing slash; a bare domain means https."""
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
    return "zh" if not locale or locale.lower().startswith("zh") else "en"


def _bool(variables: Mapping[str, str], name: str) -> bool:
    value = variables.get(name, "").strip().lower()
    if value not in _BOOLEANS:
        raise _invalid(name, value, "true / false")
    return _BOOLEANS[value]


def _int(variables: Mapping[str, str], name: str, default: int) -> int:
    value = variables.get(name) or str(default)
    if not value.isdecimal() or int(value) == 0:
        raise _invalid(name, value, "1, 2, 3 …")
    return int(value)


def _float(variables: Mapping[str, str], name: str) -> float | None:
    """Return a positive number, or None if the variable is not set."""
    value = variables.get(name, "").strip()
    if not value:
        return None
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?) *(?:GB?|GiB)?", value, re.IGNORECASE)
    if not match or not float(match[1]):
        raise _invalid(name, value, "4, 6, 7.5, 24 … (GB)")
    return float(match[1])


def _invalid(name: str, value: str, accepted: str) -> InvalidRequest:
    return InvalidRequest(
        f"环境变量 {name}={value} 的值无效，可用的值：{accepted}。",
        f"The environment variable {name}={value} is invalid. Valid values: {accepted}.",
        field=name,
    )

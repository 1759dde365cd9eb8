"""What the environment says, read once: where state lives, which device and language, what is allowed."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Language = Literal["zh", "en"]


def _language() -> Language:
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return "en" if locale.lower().startswith("en") else "zh"


class Settings(BaseSettings):
    """The environment as one frozen value. Each field is a variable DANQING_<NAME>, for instance DANQING_HOME."""

    model_config = SettingsConfigDict(env_prefix="DANQING_", frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=lambda: Path.home() / ".danqing",
        description="Folder of all state: models, configuration, the list of runs.",
    )
    language: Language = Field(default_factory=_language, description="Language of messages: zh or en.")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1 or mps.")
    offline: bool = Field(default=False, description="Never touch the network.")
    max_pixels: int = Field(default=1_600_000, gt=0, description="Largest canvas, width times height.")

    @property
    def models(self) -> Path:
        """Where installed models lie, one folder each."""
        return self.home / "models"

    @property
    def config_file(self) -> Path:
        """The user's own defaults for requests."""
        return self.home / "config.yaml"

    @property
    def runs_file(self) -> Path:
        """The list of run folders, one path a line, newest last."""
        return self.home / "runs.txt"


def read_settings() -> Settings:
    """Read the environment now. Called once at the edge of a program and passed down."""
    return Settings()

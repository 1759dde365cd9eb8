"""A CLIP in memory: the network that looks at pictures, and the vocabulary by which it reads sentences."""

from dataclasses import dataclass

import torch

from danqing.models.clip import Clip
from danqing.models.load import load_encoder
from danqing.models.tokens import Tokenizer
from danqing.zoo.locate import InstalledClip


@dataclass(frozen=True, eq=False, slots=True)
class Viewer:
    """One of the CLIPs that look at a picture."""

    name: str
    encoder: Clip
    tokenizer: Tokenizer

    @property
    def device(self) -> torch.device:
        """Where it looks."""
        return self.encoder.logit_scale.device

    def embed(self, texts: list[str]) -> torch.Tensor:
        """P sentences, cut off where its context ends -> [P, D] float32, not unit length."""
        tokens = self.tokenizer.encode(texts, self.encoder.context)  # [P, L]
        with torch.no_grad():
            return self.encoder.encode_text(tokens.to(self.device)).float()


def load_viewer(installed: InstalledClip, *, device: torch.device, dtype: torch.dtype) -> Viewer:
    """Load a CLIP.

    Args:
        installed: where its files are.
        device: where it will look.
        dtype: precision of the network.
    Raises:
        WeightsError: a file is damaged or of another architecture.
    """
    encoder = load_encoder(installed.weights, dtype=dtype).to(device)
    return Viewer(installed.name, encoder, Tokenizer(installed.vocab))

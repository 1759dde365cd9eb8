"""Put a trained 4x Compact network into the package as the embedded upscaler: python scripts/embed_upscaler.py FILE.

Checks the network, stores it as fp16 beside the embedded model, and records size and SHA-256 in card.json.
"""

import hashlib
import json
import sys
from pathlib import Path

from danqing.models.load_upscaler import load_upscaler
from danqing.models.srvgg_compact import Compact
from danqing.train.export import write_weights
from danqing.zoo.catalog.upscalers import EMBEDDED_FILE

ASSETS = Path(__file__).parent.parent / "src" / "danqing" / "assets" / "danqing_mini"
MAX_BYTES = 4 * 2**20
"""Largest file: the weights of the package must stay small."""


def main(file: Path) -> None:
    """Embed the network of a safetensors or PyTorch file."""
    network = load_upscaler(file).module
    if not isinstance(network, Compact) or network.config.scale != 4:
        raise SystemExit(f"{file} is not a Compact network that enlarges 4 times")
    target = ASSETS / EMBEDDED_FILE
    write_weights(network, target)
    data = target.read_bytes()
    if len(data) > MAX_BYTES:
        target.unlink()
        raise SystemExit(f"{file} takes {len(data)} bytes as fp16, more than {MAX_BYTES}")
    card = json.loads((ASSETS / "card.json").read_text(encoding="utf-8"))
    card["files"][EMBEDDED_FILE] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (ASSETS / "card.json").write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(f"{target}: {network.config}, {len(data)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

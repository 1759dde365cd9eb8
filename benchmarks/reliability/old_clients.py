"""The client of the original README, unchanged, in separate environments with old and new docarray.

python -m benchmarks.reliability.old_clients --docarray 0.19.1 0.20.1 0.21.1     (pip installs them, which needs a network)
"""

import argparse
import json
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.serving import MODEL, Serving, make_home, serving

CLIENT = Path(__file__).parent.parent.parent / "tests" / "contract" / "paddlehub_client.py"
CHECK = """
from PIL import Image
with Image.open("disco_diffusion_cnclip_vitb16_out-result.png") as picture:
    assert picture.format == "PNG", picture.format
with Image.open("disco_diffusion_cnclip_vitb16_out-result.gif") as film:
    assert film.n_frames > 1, film.n_frames
print("ok")
"""


def main() -> None:
    """Start the service on the client's port and run each client."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docarray", nargs="+", default=["0.19.1", "0.21.1"])
    parser.add_argument("--environments", type=Path, help="folder that keeps the environments")
    parser.add_argument("--model", choices=("made-up", "embedded"), default="made-up")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        if options.model == "made-up":
            make_home(home)
        with serving(home, "-m", MODEL, command=("hub", "serving", "start")) as service:
            keep = options.environments or Path(folder)
            figures = {version: call(service, version, keep) for version in options.docarray}
    print(json.dumps(figures, ensure_ascii=False))


def call(service: Serving, version: str, keep: Path) -> str:
    """Run the client with one version of docarray; return 'ok' or the end of its output."""
    assert service.port == 8866, "the client has this port written in it"
    python = environment(keep / f"docarray-{version}", version)
    with TemporaryDirectory(prefix="danqing-client-") as folder:
        code = CLIENT.read_text("utf-8") + CHECK
        done = subprocess.run([python, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()[-500:]


def environment(place: Path, version: str) -> Path:
    """Create a virtual environment with a version of docarray and the client's imports."""
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
        needs = [f"docarray=={version}", "requests", "opencv-python-headless", "pillow", "matplotlib", "setuptools<80"]
        subprocess.run([python, "-m", "pip", "install", "-q", *needs], check=True, stdout=sys.stderr)
    return python


if __name__ == "__main__":
    main()

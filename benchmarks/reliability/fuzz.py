"""Schemathesis over the whole OpenAPI document: no undocumented response and no 5xx except the documented 503.

python -m benchmarks.reliability.fuzz --examples 150
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.serving import MODEL, make_home, serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "use_after_free",
    "missing_required_header",
)


def main() -> None:
    """Run schemathesis with limits that make accepted jobs short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=150, help="cases for each route in the fuzzing phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checks", default=",".join(CHECKS))
    options = parser.parse_args()
    os.environ["DANQING_MAX_PIXELS"] = str(64 * 64)
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        home = make_home(Path(folder))
        with serving(home, "--model", MODEL, "--max-steps", "3", "--max-pictures", "1") as service:
            began = time.monotonic()
            done = subprocess.run(
                [
                    *(str(Path(sys.executable).with_name("st")), "run", f"{service.url}/openapi.json"),
                    *("--checks", options.checks, "--max-examples", str(options.examples), "--seed", str(options.seed)),
                    *("--request-timeout", "60", "--continue-on-failure", "--suppress-health-check", "all"),
                ],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.monotonic() - began
            lines = [line for line in service.lines() if line.get("event") == "request"]
    print(done.stdout[-12000:])
    codes: dict[str, int] = {}
    for line in lines:
        codes[str(line["status"])] = codes.get(str(line["status"]), 0) + 1
    found = re.findall(r"(\d+) generated", done.stdout)
    figures = {
        "exit": done.returncode,
        "cases": found,
        "requests": len(lines),
        "codes": codes,
        "seconds": round(seconds),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

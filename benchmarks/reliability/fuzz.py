"""Schemathesis over the whole OpenAPI document: no undocumented response and no 5xx except the documented 503.

python -m benchmarks.reliability.fuzz --cases 3000
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
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
    "missing_required_header",
)
"""Checks of schemathesis. Without `use_after_free`: DELETE cancels a job, which remains readable."""
CASES_PER_EXAMPLE = 50
"""Cases for each unit of schemathesis' --max-examples: 16 routes, several phases."""


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=3000, help="approximate number of cases of all routes together")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(run(options.cases, seed=options.seed)))


def run(cases: int, *, seed: int = 1) -> dict[str, object]:
    """Run schemathesis with limits that make accepted jobs short, and return its figures."""
    os.environ["DANQING_MAX_PIXELS"] = str(64 * 64)
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        home = make_home(Path(folder))
        with serving(home, "--model", MODEL, "--max-steps", "3", "--max-pictures", "1", painting=False) as service:
            with service.client() as client:
                client.get("/openapi.json")  # made at the first request; schemathesis waits only ten seconds for it
            began = time.monotonic()
            done = subprocess.run(
                [
                    *(str(Path(sys.executable).with_name("st")), "run", f"{service.url}/openapi.json"),
                    *("--checks", ",".join(CHECKS), "--max-examples", str(max(cases // CASES_PER_EXAMPLE, 1))),
                    *("--seed", str(seed), "--request-timeout", "60"),
                    *("--continue-on-failure", "--suppress-health-check", "all"),
                ],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.monotonic() - began
            lines = [line for line in service.lines() if line.get("event") == "request"]
    print(done.stdout)
    for line in lines:
        if int(str(line["status"])) >= 500 and line["status"] != 503:
            print(json.dumps(line, ensure_ascii=False))
    return {
        "exit": done.returncode,
        "cases": sum(int(count) for count in re.findall(r"(\d+) generated", done.stdout)),
        "requests": len(lines),
        "responses": dict(Counter(str(line["status"]) for line in lines)),
        "seconds": round(seconds),
    }


if __name__ == "__main__":
    main()

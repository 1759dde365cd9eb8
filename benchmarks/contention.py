"""Time of a draft picture alone and beside one busy process per core: `python benchmarks/contention.py`.

Prints the seconds of both and their ratio; the goal is at most 2.5.
"""

import subprocess
import sys
import time

from danqing.settings import available_cores

BUSY = "while True: pass"
PICTURE = """
import time
import danqing
pipeline = danqing.load("danqing_mini", device="cpu")
options = dict(pipeline=pipeline, out=None, quality="draft", seed=1)
danqing.create("雪山", steps=2, sketches=1, recurrence=1, **options)
started = time.perf_counter()
danqing.create("雪山", **options)
print(time.perf_counter() - started)
"""


def seconds() -> float:
    """Paint one picture in a process of its own."""
    output = subprocess.run([sys.executable, "-c", PICTURE], capture_output=True, text=True, check=True).stdout
    return float(output.splitlines()[-1])


def main() -> None:
    """Print the time alone, beside busy processes, and the ratio."""
    alone = seconds()
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(available_cores())]
    try:
        time.sleep(1)
        beside = seconds()
    finally:
        for process in busy:
            process.kill()
            process.wait()
    print(f"alone {alone:.1f} s, beside {len(busy)} busy processes {beside:.1f} s, ratio {beside / alone:.2f}")


if __name__ == "__main__":
    main()

"""How every framework's side is timed, and the line of JSON that it prints."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

BLOCK_SECONDS = 0.25
WARM_UP_SECONDS = 1.5
WARM_UP_STEPS = 5


def arguments(description: str, modes: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("config", type=Path)
    parser.add_argument("--mode", choices=modes, default=modes[0])
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=5)
    return parser.parse_args()


def throughput(step: Callable[[int], object], finish: Callable[[object], object], batch_size: int, seconds: float,
               threads: int) -> None:
    """Times blocks of steps, each closed by `finish`, which waits for the work; prints images/s over the blocks."""
    start, steps = time.perf_counter(), 0
    while steps < WARM_UP_STEPS or time.perf_counter() - start < WARM_UP_SECONDS:
        finish(step(steps))
        steps += 1
    before = time.perf_counter()
    for number in range(3):
        finish(step(number))
    block = max(1, round(BLOCK_SECONDS / ((time.perf_counter() - before) / 3)))
    blocks: list[float] = []
    start = time.perf_counter()
    while len(blocks) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        for number in range(block):
            value = step(number)
        finish(value)
        blocks.append((time.perf_counter() - before) / block)
    loss = float(finish(value))
    assert loss == loss, "the loss is not a number: the timing would not be that of real work"
    print(json.dumps({
        "images_per_second": {
            "median": batch_size / statistics.median(blocks), "best": batch_size / min(blocks)},
        "step_ms": {"median": 1000 * statistics.median(blocks)},
        "workers": threads,
        "batch_size": batch_size,
    }))

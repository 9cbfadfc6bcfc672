#!/usr/bin/env python3
"""Reads a run's event file with TensorBoard's own package and compares it with metrics.jsonl: check PROGRAM"""

import json
import os
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEP = {"train/loss": "loss", "train/accuracy": "accuracy", "train/lr": "lr", "speed/images_per_second": "images_per_second",
        "speed/step_ms": "step_ms", "speed/reduce_ms": "reduce_ms", "speed/barrier_ms": "barrier_ms", "speed/meetings_ms": "meetings_ms",
        "speed/exchange_ms": "exchange_ms"}
EPOCH = {"epoch/loss": "loss", "epoch/accuracy": "accuracy", "validation/loss": "val_loss",
         "validation/accuracy": "val_accuracy", "validation/top5_accuracy": "val_top5_accuracy"}


def main():
    program = os.path.abspath(sys.argv[1])
    config = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../Config/digits.json"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "train", config, "--quiet", "--epochs", "3", "--output", "run",
                        "--set", "logging.tensorboard=true"], cwd=folder, check=True, capture_output=True)
        with open(f"{folder}/run/metrics.jsonl") as file:
            lines = [json.loads(line) for line in file]
        events = EventAccumulator(f"{folder}/run", size_guidance={"scalars": 0})
        events.Reload()
        assert sorted(events.Tags()["scalars"]) == sorted([*STEP, *EPOCH]), events.Tags()["scalars"]
        compared = 0
        for kind, tags in (("step", STEP), ("epoch", EPOCH)):
            for tag, key in tags.items():
                wanted = [(line["step"], line[key]) for line in lines if line["kind"] == kind]
                found = [(event.step, event.value) for event in events.Scalars(tag)]
                assert [step for step, _ in found] == [step for step, _ in wanted], tag
                for (_, a), (_, b) in zip(found, wanted):
                    assert abs(a - b) <= 1e-6 * max(1e-30, abs(b)), (tag, a, b)
                    compared += 1
                times = [event.wall_time for event in events.Scalars(tag)]
                assert times == sorted(times) and times[0] > 1.6e9, tag
    print(f"tensorboard: {compared} values as in metrics.jsonl")


if __name__ == "__main__":
    main()

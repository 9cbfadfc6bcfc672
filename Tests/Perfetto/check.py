"""A run's trace in Perfetto's own trace processor: `make test-perfetto` runs this.

    Tests/Perfetto/check.py LOCKSTEP

Every event of the file must be a slice of Perfetto's, on the row of its phase in the process of its worker, with its start and
length in nanoseconds and its step; nothing may be an error, and phases of a worker may not overlap.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from trace_processor import TraceProcessor

ROOT = Path(__file__).resolve().parents[2]
SLICES = """
    select slice.name as name, ts, dur, depth, process.pid as pid, process.name as process, thread.tid as tid,
      thread.name as row, extract_arg(slice.arg_set_id, 'args.step') as step
    from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)
    order by ts"""


def read(text):
    """Perfetto's version, slices, and what it has to say about the file."""
    processor = TraceProcessor(text)
    try:
        faults = processor.query("select name, value from stats where severity in ('error', 'data_loss') and value > 0")
        return processor.version, processor.query(SLICES), faults
    finally:
        processor.close()


def nanoseconds(microseconds):
    return round(microseconds * 1000)


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [program, "train", str(ROOT / "Config/digits.json"), "--epochs", "3", "--workers", "2", "--quiet", "--set",
             "runtime.placement.policy=none", "--output", f"{folder}/run", "--trace", f"{folder}/trace.json"],
            capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        text = (Path(folder) / "trace.json").read_bytes()
    events = json.loads(text)["traceEvents"]
    names = {(e["pid"], e.get("tid")): e["args"]["name"] for e in events if e["ph"] == "M"}
    spans = [e for e in events if e["ph"] == "X"]
    version, slices, faults = read(text)
    assert not faults, faults
    expected = Counter(
        (e["name"], nanoseconds(e["ts"]), nanoseconds(e["dur"]), e["pid"], names[e["pid"], None],
         names[e["pid"], e["tid"]], e["args"]["step"]) for e in spans)
    found = Counter((s["name"], s["ts"], s["dur"], s["pid"], s["process"], s["row"], s["step"]) for s in slices)
    difference = (expected - found) + (found - expected)
    assert not difference, f"{sum(difference.values())} of {len(spans)} events differ: {list(difference)[:4]}"
    assert {s["depth"] for s in slices} == {0} and len(spans) > 500, "slices lie in one another"
    computing = Counter(s["pid"] for s in slices if s["name"] == "computing")
    assert set(computing.values()) == {69} and len(computing) == 2, computing
    # A check that cannot fail proves nothing: a file that is cut off must have a fault.
    try:
        cut = read(text[: len(text) // 2])
        assert cut[2] or len(cut[1]) < len(slices), "Perfetto reads a file that is cut off as the whole"
    except ValueError:
        pass
    print(f"{len(slices)} phases of 2 workers are Perfetto {version}'s slices, each on its row")


if __name__ == "__main__":
    main(sys.argv[1])

"""Trains the entries of digests.json that have no digest and records what the program prints.

    Tests/Fixtures/digests/record.py .build/release/lockstep

A digest that is there is never changed: it is what the test compares with.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

FIXTURE = pathlib.Path(__file__).with_name("digests.json")


def weights_digest(program, configuration, workers):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "net.json")
        file.write_text(json.dumps(configuration))
        run = subprocess.run(
            [program, "train", file, "--output", f"{folder}/run", "--set", f"runtime.workers={workers}", "--quiet"],
            capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(run.stderr)
        return json.loads(pathlib.Path(folder, "run", "summary.json").read_text())["weights_digest"]


def main(program):
    text = FIXTURE.read_text()
    for entry in json.loads(text):
        if entry["digest"] is not None:
            continue
        digests = {weights_digest(program, entry["configuration"], workers) for workers in entry["workers"]}
        if len(digests) != 1:
            sys.exit(f"{entry['name']}: the number of workers changes the digest")
        # The first empty digest after the entry's name is its own.
        name = re.escape(json.dumps(entry["name"], ensure_ascii=False))
        text = re.sub(rf'(?s)("name": {name}.*?"digest": )null', lambda m: f'{m[1]}"{digests.copy().pop()}"', text, count=1)
        FIXTURE.write_text(text)
        print(entry["name"], *digests)


if __name__ == "__main__":
    main(sys.argv[1])

"""Compares Config/schema.json with what the program reads: `make test-schema` runs this.

    Tests/Schema/check.py LOCKSTEP [COUNT] [SEED]

The schema itself must be valid. Every file of Config/ must pass both; so must their every key set to null, unless it has no
default. Then COUNT random changes of these files (a value of another kind, a wrong word, a number out of range, an unknown key,
a key left out or moved) go through `lockstep config` and the schema. Whatever the reader accepts the schema must accept, and
the other way round but for the rules that a schema cannot say, which the reader's messages tell.
"""

import copy
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]

# Messages of rules between keys or about shapes, which are not in the schema.
BEYOND = re.compile(
    r"model\.layers\S* \(|model\.preset \(|cpus or policy, not both|with momentum 0|of one per channel|numbers, one per channel|"
    r"allowed: one of the two|CPU numbers such as|also the name of|no layer with parameters|stand for")

VALUES = [
    None, True, False, 0, 1, 2, 3, -1, 17, 1e30, 1e39, 0.5, -0.25, 65536, 65537, 2**31, "", "auto", "same", "valid", "relu", "x",
    "a/b", "0-3", "all", [], [1], [1, 2], [0, 0], [1, 2, 3], [0.5], {}, {"a": 1}, "conv2d", "dense", "idx", "synthetic", "digits",
]
WORDS = ["strides", "padding", "units", "rate", "classes", "preset", "momentum", "lr", "cpus", "type", "name", "examples", "mean"]


def places(value, path=()):
    """The path of every value in a document."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], path + (index,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def changed(document, draw):
    """The document with one thing different."""
    document = copy.deepcopy(document)
    path = draw.choice([path for path in places(document) if path])
    parent, last = at(document, path[:-1]), path[-1]
    kind = draw.randrange(5)
    if kind == 0 and isinstance(parent, dict):
        del parent[last]
    elif kind == 1 and isinstance(parent, dict):
        parent[draw.choice(WORDS)] = draw.choice(VALUES)
    elif kind == 2 and isinstance(parent[last], (int, float)) and not isinstance(parent[last], bool):
        parent[last] = draw.choice([-parent[last], parent[last] * 1e6, parent[last] + 0.5, parent[last] + 1, 0])
    elif kind == 3:
        parent[last] = copy.deepcopy(at(document, draw.choice(list(places(document)))))
    else:
        parent[last] = draw.choice(VALUES)
    return document


class Reader:
    def __init__(self, program):
        self.program, self.folder = program, tempfile.TemporaryDirectory()

    def read(self, document):
        """`None` if the program accepts the configuration, else what it says."""
        path = Path(self.folder.name) / "c.json"
        path.write_text(json.dumps(document))
        done = subprocess.run([self.program, "config", str(path)], capture_output=True, text=True)
        assert done.returncode in (0, 78), f"{document}: {done.returncode} {done.stderr}"
        return None if done.returncode == 0 else done.stderr


def main(program, count="600", seed="1"):
    schema = json.loads((ROOT / "Config/schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    validator, reader, draw = jsonschema.Draft7Validator(schema), Reader(program), random.Random(int(seed))
    documents = []
    for path in sorted((ROOT / "Config").glob("*.json")):
        if path.name == "schema.json":
            continue
        resolved = subprocess.run(
            [program, "config", str(path), "--json"], check=True, capture_output=True, text=True).stdout
        documents.append(json.loads(resolved))
        validator.validate(documents[-1])
        if path.read_text().lstrip().startswith("{") and "//" not in path.read_text():
            try:
                documents.append(json.loads(path.read_text()))
            except json.JSONDecodeError:
                continue
            validator.validate(documents[-1])
    documents.append({"model": {"preset": "resnet20", "classes": 10, "stem": "cifar"}})
    documents.append({"model": {"preset": "resnet18", "classes": 10, "stem": "cifar"}, "$schema": "schema.json"})

    accepted = refused = beyond = 0
    faults = []
    for number in range(int(count)):
        document = changed(draw.choice(documents), draw)
        said = reader.read(document)
        mistakes = sorted(error.message for error in validator.iter_errors(document))
        if said is None and mistakes:
            faults.append(f"the reader accepts what the schema refuses: {mistakes[0][:300]}\n  {json.dumps(document)[:2000]}")
        elif said is not None and not mistakes and not BEYOND.search(said):
            faults.append(f"the schema accepts what the reader refuses: {said}\n  {json.dumps(document)[:2000]}")
        accepted += said is None
        refused += said is not None
        beyond += said is not None and not mistakes
    for fault in faults[:10]:
        print(fault)
    print(f"{count} changed configurations: {accepted} accepted, {refused} refused, {beyond} of these by the reader alone; "
          f"{len(faults)} differ")
    assert accepted > int(count) // 20 and refused > int(count) // 5
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

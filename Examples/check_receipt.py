"""Checks the receipt and the ledger of a Lockstep run with nothing but hashlib: check_receipt.py RUN

The receipt is canonical, its digests are those of the files, the ledger's chain holds from its first line to the link in
the receipt, and the weights are those that it names, of the same numerics version. That the steps are true, only a replay
shows: lockstep verify RUN.
"""
import hashlib
import json
import struct
import sys

DIGESTS = ("configuration", "data", "final_weights", "initial_weights", "ledger")


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def require(holds, what):
    if not holds:
        sys.exit(f"check_receipt: {what}")


def check_chain(path, receipt):
    lines = [json.loads(line) for line in open(path, "rb")]
    first = lines[0]
    require(first["format"] == "lockstep-ledger-1", f"{path}: unknown format")
    numbers = struct.pack("<QQ", first["numerics_version"], first["every_steps"])
    names = ("configuration", "data", "weights")
    link = sha256(b"lockstep-ledger-1", numbers, *(bytes.fromhex(first[name]) for name in names))
    require(link.hex() == first["chain"], f"{path}: the first line was changed")
    for number, line in enumerate(lines[1:], 1):
        require(line["step"] == number, f"{path}: line {number + 1} is not of step {number}")
        loss = struct.pack("<Q", int(line["loss"], 16))
        link = sha256(link, struct.pack("<Q", number), bytes.fromhex(line["batch"]), loss,
                      bytes.fromhex(line.get("weights", "")))
        require(link.hex() == line["chain"], f"{path}: step {number} or one before it was changed")
    require(link.hex() == receipt["ledger"], f"{path}: ends with another link than the receipt has")
    require(len(lines) - 1 == receipt["steps"], f"{path}: has {len(lines) - 1} steps, the receipt {receipt['steps']}")
    for ours, theirs in (("configuration", "configuration"), ("data", "data"), ("weights", "initial_weights")):
        require(first[ours] == receipt[theirs], f"{path}: another {ours} than in the receipt")


def check_weights(path, receipt):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    numerics = json.loads(data[8:8 + size])["__metadata__"].get("numerics")
    require(numerics == str(receipt["numerics_version"]), f"{path}: of numerics version {numerics}")
    require(hashlib.sha256(data[8 + size:]).hexdigest() == receipt["final_weights"], f"{path}: other weights")


def main(run):
    text = open(f"{run}/receipt.json", "rb").read()
    receipt = json.loads(text)
    require(receipt["format"] == "lockstep-receipt-1", "receipt.json: unknown format")
    canonical = json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    require(canonical.encode() == text, "receipt.json: not in canonical form")
    require(all(len(receipt[name]) == 64 for name in DIGESTS), "receipt.json: a digest is too short or too long")
    for name, digest in receipt["files"].items():
        require(hashlib.sha256(open(f"{run}/{name}", "rb").read()).hexdigest() == digest, f"{name} was changed")
    check_chain(f"{run}/ledger.jsonl", receipt)
    check_weights(f"{run}/weights.safetensors", receipt)
    print(f"{run}: {receipt['steps']} steps, ledger {receipt['ledger']}")


if __name__ == "__main__":
    main(sys.argv[1])

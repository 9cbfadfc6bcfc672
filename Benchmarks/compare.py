"""Measures images/s of full training steps: Lockstep, PyTorch and TensorFlow in turn, each in its own process; with
`--inference` those of the forward pass alone, from bytes to probabilities, against ONNX Runtime.

A first round runs every variant of every side (eager and compiled, one thread and all); the fastest of each side then
runs in `--rounds` alternating rounds, A B C A B C, and the median over the rounds counts.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import chart
from configuration import LOCKSTEP

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CASES = {  # name: (configuration, batch size)
    "digits": ("digits-bench.json", 128),
    "lenet": ("lenet.json", 128),
    "caffe-cifar": ("caffe-cifar.json", 128),
    "vgg-cifar": ("vgg-cifar.json", 128),
    "lenet-1024": ("lenet.json", 1024),
    "resnet20": ("resnet20-cifar.json", 128),
    "resnet18": ("resnet18-cifar.json", 128),
    "vgg11-bn": ("vgg11-bn-cifar.json", 128),
    "mobilenet-v2": ("mobilenet-v2-cifar.json", 128),
    "resnet18-224": ("resnet18.json", 32),
    "resnet50-224": ("resnet50.json", 32),
}
INFERENCE_CASES = {
    "vgg-cifar": ("vgg-cifar.json", 128),
    "vgg-cifar-1": ("vgg-cifar.json", 1),
    "vgg11-bn": ("vgg11-bn-cifar.json", 128),
    "vgg11-bn-1": ("vgg11-bn-cifar.json", 1),
    "resnet20": ("resnet20-cifar.json", 128),
    "resnet20-1": ("resnet20-cifar.json", 1),
}
VARIANTS = {  # side: (mode, True for one thread only)
    "lockstep": [("release", False)],
    "pytorch": [("eager", False), ("eager", True), ("compile", False), ("compile", True)],
    "pytorch-processes": [("shared", False), ("shared-compile", False), ("ddp", False), ("ddp-compile", False)],
    "tensorflow": [("function", False), ("function", True), ("jit", False), ("jit", True)],
    "pytorch-bf16": [("bf16", False), ("bf16", True), ("bf16-compile", False)],
}
INFERENCE_VARIANTS = {
    "lockstep": [("release", False), ("release", True)],
    "onnxruntime": [("all", False), ("all", True)],
}
SCRIPTS = {
    "pytorch": "side_torch.py", "pytorch-processes": "side_torch_processes.py", "tensorflow": "side_tensorflow.py",
    "pytorch-bf16": "side_torch.py", "onnxruntime": "side_onnxruntime.py",
}
LABELS = {
    "lockstep": "Lockstep", "pytorch": "PyTorch", "pytorch-processes": "PyTorch, processes", "tensorflow": "TensorFlow",
    "pytorch-bf16": "PyTorch bf16", "onnxruntime": "ONNX Runtime",
}
PACKAGES = {
    "torch": "PyTorch {} (channels last)", "tensorflow-cpu": "TensorFlow {}", "onnxruntime": "ONNX Runtime {}",
}
PROCESSES = (
    "\"PyTorch, processes\" is one single-threaded process per core with gradients averaged, in shared memory or by "
    "DistributedDataParallel; norms have the statistics of each process's part of the batch.")
SMALL_STEP_MS = 20.0  # only nets with shorter steps can gain from a single thread
LEFT_OUT = {"OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "KMP_AFFINITY"}  # would slow a side unfairly


@dataclass
class Measurement:
    images_per_second: float
    step_ms: float
    peak_megabytes: float


@dataclass
class Side:
    """One side of one case: the variant that won the first round, then one measurement per round."""

    variant: str = ""
    first_round: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    rounds: list[Measurement] = field(default_factory=list)

    @property
    def peak(self) -> float:
        """Of resident memory, in megabytes."""
        return max(entry.peak_megabytes for entry in self.rounds)

    @property
    def median(self) -> float:
        return statistics.median(entry.images_per_second for entry in self.rounds) if self.rounds else 0.0


@dataclass(frozen=True)
class Comparison:
    """What is compared: training steps, or the forward pass alone."""

    title: str
    what: str
    cases: dict[str, tuple[str, int]]
    variants: dict[str, list[tuple[str, bool]]]
    flags: tuple[str, ...]  # of `lockstep bench throughput`
    packages: tuple[str, ...]
    file: str  # the results' name, without extension


TRAINING = Comparison(
    "Lockstep against PyTorch and TensorFlow",
    "full training steps (forward, loss, backward, SGD with momentum), fp32 where not said, random data in memory",
    CASES, VARIANTS, (), ("torch", "tensorflow-cpu"), "RESULTS")
INFERENCE = Comparison(
    "Lockstep against ONNX Runtime", "the forward pass from bytes to probabilities, fp32, random data in memory",
    INFERENCE_CASES, INFERENCE_VARIANTS, ("--inference",), ("onnxruntime",), "INFERENCE")


def command(compared: Comparison, side: str, mode: str, threads: int, case: str, seconds: float) -> list[str]:
    file, batch = compared.cases[case]
    config = str(ROOT / "Config" / file)
    if side == "lockstep":
        return [
            LOCKSTEP, "bench", "throughput", config, *compared.flags, "--json", "--workers", str(threads),
            "--batch-size", str(batch)]
    return [
        sys.executable, str(HERE / SCRIPTS[side]), config, "--mode", mode, "--threads", str(threads),
        "--batch-size", str(batch), "--seconds", str(seconds)]


def run(arguments: list[str], limit: float) -> Measurement:
    """Runs one side in a process group of its own, at most `limit` seconds; raises with its last words."""
    environment = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment, cwd=HERE,
            start_new_session=True)
        deadline = time.monotonic() + limit
        finished = 0
        try:
            while not finished:
                finished, status, usage = os.wait4(child.pid, os.WNOHANG)
                if not finished and time.monotonic() > deadline:
                    raise RuntimeError(f"no result after {limit:.0f} s")
                time.sleep(0 if finished else 0.05)
        finally:
            if not finished:
                os.killpg(child.pid, signal.SIGKILL)
                os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        lines, words = output.read().strip().splitlines(), errors.read().strip().splitlines()
    if child.returncode != 0 or not lines:
        raise RuntimeError(f"exit code {child.returncode}: {words[-1] if words else 'no message'}")
    result = json.loads(lines[-1])
    return Measurement(
        result["images_per_second"]["median"], result["step_ms"]["median"], usage.ru_maxrss * 1024 / 1e6)


def first_round(compared: Comparison, side: str, case: str, threads: int, seconds: float, limit: float) -> Side:
    """Tries every variant of a side; a variant that fails is noted and does not count."""
    result = Side()
    shortest = float("inf")
    for mode, single in compared.variants[side]:
        if single and (threads == 1 or shortest > SMALL_STEP_MS):
            continue
        count = 1 if single else threads
        unit = "process" if side == "pytorch-processes" else "thread"
        name = f"{mode}, {count} {unit}{'' if count == 1 else 'es' if unit == 'process' else 's'}"
        try:
            measured = run(command(compared, side, mode, count, case, seconds), limit)
        except RuntimeError as error:
            result.failures[name] = str(error)
            print(f"  {LABELS[side]:18} {name:27} {error}", file=sys.stderr)
            continue
        shortest = min(shortest, measured.step_ms)
        result.first_round[name] = measured.images_per_second
        print(f"  {LABELS[side]:18} {name:27} {measured.images_per_second:10,.0f} images/s", file=sys.stderr)
    if result.first_round:
        result.variant = max(result.first_round, key=result.first_round.__getitem__)
    return result


def compare(compared: Comparison, case: str, options: argparse.Namespace) -> dict[str, Side]:
    print(f"{case}, batch {compared.cases[case][1]}", file=sys.stderr)
    sides = {
        name: first_round(compared, name, case, options.threads, min(options.seconds, 3), options.limit)
        for name in options.sides}
    for number in range(options.rounds):
        for name, side in sides.items():
            if not side.variant:
                continue
            mode, count = side.variant.split(", ")
            try:
                threads = int(count.split()[0])
                measured = run(command(compared, name, mode, threads, case, options.seconds), options.limit)
            except RuntimeError as error:
                side.failures[f"round {number + 1}"] = str(error)
                print(f"  {LABELS[name]:18} round {number + 1}: {error}", file=sys.stderr)
                continue
            side.rounds.append(measured)
            rate = f"{measured.images_per_second:,.0f} images/s"
            print(f"  {LABELS[name]:18} round {number + 1} {rate:>35}", file=sys.stderr)
    return sides


def machine(compared: Comparison) -> dict[str, str]:
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    versions = {package: metadata.version(package) for package in compared.packages}
    return {"cpu": model, "cpus": str(len(os.sched_getaffinity(0))), "kernel": platform.release()} | versions


def markdown(compared: Comparison, results: dict[str, dict[str, Side]], about: dict[str, str],
             options: argparse.Namespace) -> str:
    names = options.sides
    fp32 = [name for name in names if name not in ("lockstep", "pytorch-bf16")]
    lines = [
        f"# {compared.title}", "",
        f"Images/s of {compared.what}, {options.threads} threads or workers. Each side runs by itself; the fastest "
        f"variant of each side counts; median of {options.rounds} rounds in turn. Written by `Benchmarks/run`.", "",
        *([PROCESSES, ""] if "pytorch-processes" in names else []),
        f"{about['cpu']}, {about['cpus']} CPUs, Linux {about['kernel']}; "
        + ", ".join(PACKAGES[package].format(about[package]) for package in compared.packages) + ".", "",
        "| net | batch | " + " | ".join(LABELS[name] for name in names)
        + " | Lockstep ÷ fastest fp32 | Lockstep's peak memory |",
        "|---|---|" + "---|" * (len(names) + 2),
    ]
    for case, sides in results.items():
        cells = []
        for name in names:
            side = sides[name]
            text = f"{side.median:,.0f}" if side.rounds else "failed"
            cells.append(text if name == "lockstep" or not side.rounds else f"{text} ({side.variant})")
        rival = max((sides[name].median for name in fp32), default=0.0)
        own = sides.get("lockstep", Side())
        ratio = f"**{own.median / rival:.2f}×**" if own.rounds and rival else "–"
        memory = f"{own.peak:,.0f} MB" if own.rounds else "–"
        if own.rounds and (other := sides.get("pytorch")) and other.rounds:
            memory += f" ({own.peak / other.peak:.2f} of PyTorch's)"
        lines.append(f"| {case} | {compared.cases[case][1]} | " + " | ".join(cells) + f" | {ratio} | {memory} |")
    failures = [
        f"- {case}, {LABELS[name]}, {what}: {why}"
        for case, sides in results.items() for name, side in sides.items() for what, why in side.failures.items()]
    return "\n".join(lines + (["", "Did not run:", ""] + failures if failures else [])) + "\n"


def panels(compared: Comparison, results: dict[str, dict[str, Side]]) -> list[tuple[str, list[tuple[str, str, float]]]]:
    drawn = []
    for case, sides in results.items():
        rows = [(name, LABELS[name], side.median) for name, side in sides.items() if side.rounds]
        if rows:
            drawn.append((f"{case}, batch {compared.cases[case][1]}", rows))
    return drawn


def main() -> None:
    cpus = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inference", action="store_true", help="the forward pass alone, against ONNX Runtime")
    parser.add_argument("--nets", nargs="+", metavar="NET", help=f"of {', '.join(CASES)}; default: all; "
                        f"with --inference of {', '.join(INFERENCE_CASES)}")
    parser.add_argument("--sides", nargs="+", metavar="SIDE", help=f"of {', '.join(VARIANTS)}; default: all; "
                        f"with --inference of {', '.join(INFERENCE_VARIANTS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="measured time of a framework's process")
    parser.add_argument("--threads", type=int, default=cpus, help="threads and workers, default: usable CPUs")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a process is ended")
    options = parser.parse_args()
    compared = INFERENCE if options.inference else TRAINING
    options.nets = options.nets or list(compared.cases)
    options.sides = options.sides or list(compared.variants)
    for chosen, known in ((options.nets, compared.cases), (options.sides, compared.variants)):
        for name in chosen:
            if name not in known:
                parser.error(f"{name} is not among {', '.join(known)}")
    results: dict[str, dict[str, Side]] = {}
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    about = machine(compared)
    for case in options.nets:
        results[case] = compare(compared, case, options)
        saved = {net: {name: asdict(side) for name, side in sides.items()} for net, sides in results.items()}
        document = {"machine": about, "nets": saved}
        (folder / f"{compared.file.lower()}.json").write_text(json.dumps(document, indent=2) + "\n")
    table = markdown(compared, results, about, options)
    measured = all(side.rounds for sides in results.values() for side in sides.values())
    targets = [folder / compared.file]
    if measured and set(options.nets) == set(compared.cases) and set(options.sides) == set(compared.variants):
        targets.append(HERE / compared.file)  # only a whole comparison replaces the committed one
    kind = "inference" if options.inference else "training"
    for target in targets:
        target.with_suffix(".md").write_text(table + f"\n![Images per second]({compared.file}.svg)\n")
        target.with_suffix(".svg").write_text(
            chart.bars(f"Images per second of {kind}, longer is faster", panels(compared, results)))
        print(f"wrote {target.with_suffix('.md')}", file=sys.stderr)
    print(table)
    if not measured:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""PyTorch as one single-threaded process per core, each with its part of the batch, gradients averaged before the update.

Small nets gain by it, as their operations are too short to be shared by threads. `ddp` is DistributedDataParallel over
gloo. In the other modes the weights lie in shared memory: every process adds its segment of all gradients there and updates
it, so that nothing is sent. Norms have the statistics of their process's part of the batch, as DistributedDataParallel has
them by default.
"""

import os
import sys
import tempfile
import traceback
from multiprocessing import get_context, shared_memory

from configuration import read_net

SPINS = 2000  # about 0.2 ms
MODES = ["shared", "shared-compile", "ddp", "ddp-compile"]

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")

import numpy as np
import torch
from measure import arguments, throughput
from side_torch import build


class Shared:
    """Flat arrays in memory that all processes map: weights, a row of gradients per process, and a counter per process."""

    def __init__(self, name: str, count: int, processes: int) -> None:
        self.memory = shared_memory.SharedMemory(name=name)
        floats = np.ndarray((1 + processes, count), np.float32, self.memory.buf)
        self.weights, self.gradients = torch.from_numpy(floats[0]), torch.from_numpy(floats[1:])
        # A counter has two cache lines to itself.
        self.counters = np.ndarray((processes, 16), np.int64, self.memory.buf, offset=floats.nbytes)

    @staticmethod
    def make(count: int, processes: int) -> shared_memory.SharedMemory:
        return shared_memory.SharedMemory(create=True, size=4 * count * (1 + processes) + 128 * processes)


class SharedTrainer:
    def __init__(self, model: torch.nn.Module, rank: int, processes: int, name: str, net) -> None:
        self.rank, self.processes = rank, processes
        self.parameters = list(model.parameters())
        count = flat_count(model)
        self.shared = Shared(name, count, processes)
        self.gradients = views(self.shared.gradients[rank], self.parameters)
        weights = views(self.shared.weights, self.parameters)
        for parameter, view in zip(self.parameters, weights):
            if rank == 0:
                view.copy_(parameter.data)
            parameter.data = view
        # Its own segment, whole cache lines.
        ends = [number * count // processes // 16 * 16 for number in range(processes)] + [count]
        self.segment = slice(ends[rank], ends[rank + 1])
        self.weights = torch.nn.Parameter(self.shared.weights[self.segment])
        self.optimizer = torch.optim.SGD([self.weights], lr=net.learning_rate, momentum=net.momentum, fused=True)
        self.meetings = 0
        self.meet()

    def meet(self) -> None:
        """Waits until all processes have called it as often; whatever they wrote before can then be read."""
        self.meetings += 1
        self.shared.counters[self.rank, 0] = self.meetings
        for other in range(self.processes):
            tries = 0
            while self.shared.counters[other, 0] < self.meetings:
                tries += 1
                if tries > SPINS:
                    os.sched_yield()

    def update(self) -> None:
        torch._foreach_copy_(self.gradients, [parameter.grad for parameter in self.parameters])
        self.meet()
        self.weights.grad = torch.mean(self.shared.gradients[:, self.segment], 0)
        self.optimizer.step()
        self.meet()
        for parameter in self.parameters:
            parameter.grad = None


def flat_count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def views(flat: torch.Tensor, parameters: list[torch.Tensor]) -> list[torch.Tensor]:
    """Parts of a flat tensor with the shapes and the orders in memory of the parameters."""
    found: list[torch.Tensor] = []
    start = 0
    for parameter in parameters:
        found.append(torch.as_strided(flat, parameter.shape, parameter.stride(), flat.storage_offset() + start))
        start += parameter.numel()
    return found


def work(rank: int, options, name: str, store: str) -> None:
    """What every process does; the first one times, the others go on for as long as it does."""
    processes = options.threads
    cpus = sorted(os.sched_getaffinity(0))
    if processes <= len(cpus):
        os.sched_setaffinity(0, {cpus[rank]})
    torch.set_num_threads(1)
    torch.manual_seed(1)
    net = read_net(options.config, options.batch_size)
    assert net.batch_size % processes == 0, f"a batch of {net.batch_size} cannot be shared equally by {processes} processes"
    own = net.batch_size // processes
    model = build(net)
    loss_of = torch.nn.CrossEntropyLoss()
    if options.mode.startswith("ddp"):
        torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=processes)
        forward = torch.nn.parallel.DistributedDataParallel(
            model, broadcast_buffers=False, gradient_as_bucket_view=True)
        optimizer = torch.optim.SGD(model.parameters(), lr=net.learning_rate, momentum=net.momentum, fused=True)

        def update() -> None:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    else:
        trainer = SharedTrainer(model, rank, processes, name, net)
        forward, update = model, trainer.update
    if options.mode.endswith("compile"):
        forward = torch.compile(forward)
    torch.manual_seed(2 + rank)
    height, width, channels = net.input
    examples = max(own, net.examples // processes // own * own)
    x = torch.randn(examples, channels, height, width).contiguous(memory_format=torch.channels_last)
    y = torch.randint(net.classes, (examples,))
    batches = list(zip(x.split(own), y.split(own)))

    def step(number: int) -> torch.Tensor:
        images, labels = batches[number % len(batches)]
        loss = loss_of(forward(images), labels)
        loss.backward()
        update()
        return loss

    if rank > 0:
        number = 0
        while True:
            step(number)
            number += 1
    throughput(step, lambda loss: loss.item(), net.batch_size, options.seconds, processes)
    sys.stdout.flush()


def main() -> None:
    options = arguments(__doc__, MODES)
    # A process that waits for the others in a loop needs a core of its own.
    options.threads = min(options.threads, len(os.sched_getaffinity(0)))
    memory = Shared.make(flat_count(build(read_net(options.config, options.batch_size))), options.threads)
    context = get_context("spawn")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, "store")
        others = [
            context.Process(target=work, args=(rank, options, memory.name, store), daemon=True)
            for rank in range(1, options.threads)]
        for process in others:
            process.start()
        try:
            work(0, options, memory.name, store)
        except BaseException:
            traceback.print_exc()
            failed = True
        for process in others:
            process.kill()
        memory.unlink()
    # Threads of gloo would wait for the processes that are gone.
    sys.stdout.flush()
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()

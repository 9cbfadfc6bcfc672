"""Learning rates of PyTorch's schedulers, stepped once a step; Tests/TrainingTests/ScheduleTests.swift has the same cases."""

import numpy as np
import torch
from torch.optim import lr_scheduler as lrs

from golden import write

BASE, STEPS_PER_EPOCH, EPOCHS = 0.3, 7, 6
TOTAL = STEPS_PER_EPOCH * EPOCHS


def warmed(optimizer, epochs, factor, main, first=1):
    """The schedule begins after the warm-up, which ends at its first rate, a factor of the base."""
    steps = epochs * STEPS_PER_EPOCH
    warm = lrs.LinearLR(optimizer, start_factor=factor * first, end_factor=first, total_iters=steps)
    return lrs.SequentialLR(optimizer, [warm, main(steps)], [steps])


def together(optimizer, epochs, factor, main):
    """The schedule counts from the first step, and the warm-up multiplies it."""
    warm = lrs.LinearLR(optimizer, start_factor=factor, total_iters=epochs * STEPS_PER_EPOCH)
    return lrs.ChainedScheduler([warm, main])


S = STEPS_PER_EPOCH
CASES = {
    "constant-warmup": lambda o: lrs.LinearLR(o, start_factor=0.2, total_iters=2 * S),
    "step": lambda o: lrs.StepLR(o, step_size=2 * S, gamma=0.3),
    "step-warmup": lambda o: together(o, 1, 0.25, lrs.StepLR(o, step_size=2 * S, gamma=0.3)),
    "multi_step": lambda o: lrs.MultiStepLR(o, [S, 4 * S, 5 * S], gamma=0.5),
    "multi_step-warmup": lambda o: together(o, 2, 0.1, lrs.MultiStepLR(o, [S, 4 * S], gamma=0.5)),
    "exponential": lambda o: lrs.ExponentialLR(o, 0.7 ** (1 / S)),
    "exponential-warmup": lambda o: warmed(o, 1, 0.1, lambda _: lrs.ExponentialLR(o, 0.05 ** (1 / S))),
    "cosine": lambda o: lrs.CosineAnnealingLR(o, TOTAL),
    "cosine-warmup": lambda o: warmed(o, 1, 0.1, lambda w: lrs.CosineAnnealingLR(o, TOTAL - w, eta_min=0.01)),
    "linear": lambda o: lrs.LinearLR(o, start_factor=1, end_factor=0, total_iters=TOTAL),
    "linear-warmup": lambda o: warmed(
        o, 2, 0.5, lambda w: lrs.LinearLR(o, start_factor=0.8, end_factor=0.1, total_iters=TOTAL - w), first=0.8),
    "one_cycle": lambda o: lrs.OneCycleLR(o, BASE, total_steps=TOTAL, cycle_momentum=False),
    "one_cycle-linear": lambda o: lrs.OneCycleLR(
        o, BASE, total_steps=TOTAL, pct_start=0.45, div_factor=10, final_div_factor=50, anneal_strategy="linear",
        cycle_momentum=False),
}

# Loss-like and accuracy-like values with falls, stretches without one, and NaNs.
LOSSES = [2, 1.5, 1.2, 1.19995, 1.2, 1.3, 1.1, 1.1, 1.1, 1.1, 1.1, float("nan"), 1.05, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2]
PLATEAUS = {
    "plateau": ({"patience": 1, "factor": 0.5}, LOSSES),
    "plateau-cooldown": ({"patience": 0, "factor": 0.1, "cooldown": 2, "min_lr": 0.002, "threshold": 0.01}, LOSSES),
    "plateau-max": (
        {"mode": "max", "patience": 2, "factor": 0.2, "threshold": 0.05, "threshold_mode": "abs"},
        [1 - x / 3 for x in LOSSES]),
}


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)


def rates(make) -> np.ndarray:
    o = optimizer()
    schedule, found = make(o), []
    for _ in range(TOTAL):
        found.append(o.param_groups[0]["lr"])
        o.step()
        if len(found) < TOTAL:
            schedule.step()
    return np.array(found)


def plateau(arguments: dict, values: list[float]) -> np.ndarray:
    o = optimizer()
    schedule, found = lrs.ReduceLROnPlateau(o, **arguments), []
    for value in values:
        schedule.step(value)
        found.append(o.param_groups[0]["lr"])
    return np.array(found)


if __name__ == "__main__":
    results = {name: rates(make) for name, make in CASES.items()}
    results |= {name: plateau(*case) for name, case in PLATEAUS.items()}
    write("schedules", {}, results, "learning rates, one a step; of plateaus one an evaluation; see README.md")

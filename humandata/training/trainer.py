"""One step of training, and everything that must be remembered from one step to the next."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

from humandata.errors import DatasetError, UsageError
from humandata.training.checkpoint import select
from humandata.training.policies import get_policy
from humandata.training.policy import Policy, PolicySpec, TrainingBatch
from humandata.training.settings import TrainSettings

MAX_GRADIENT_NORM = 1.0


class Trainer:
    """A policy, its optimiser, the moving average of its weights, and the number of steps done.

    The random numbers of a step are a function of the seed and the step's number, so there is no generator to save:
    a run that was interrupted and resumed ends with the same bits (on one device, with the same number of threads).
    """

    def __init__(self, spec: PolicySpec, settings: TrainSettings, device: torch.device) -> None:
        self.settings, self.device = settings, device
        self.step = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_seed(settings.seed, "initial weights"))
            self.policy: Policy = get_policy(settings.policy)(spec).to(device)
        self._parameters = dict(self.policy.named_parameters())
        self._average = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        self._optimizer = torch.optim.AdamW(
            self._parameters.values(),
            lr=settings.learning_rate,
            betas=(0.9, 0.95),
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def train_step(self, batch: TrainingBatch) -> float:
        """Learn from one batch; returns its loss. UsageError where the batch does not fit the GPU's memory."""
        try:
            loss = self._update(batch.to(self.device))
        except torch.OutOfMemoryError:
            raise UsageError(
                f"a batch of {len(batch.action)} samples does not fit the GPU's memory: make the mixture again with a "
                "smaller --batch-size, or train with --device cpu."
            ) from None
        self.step += 1
        return loss

    def averaged_policy(self) -> Policy:
        """A copy of the policy with the averaged weights, in evaluation mode."""
        policy = get_policy(self.settings.policy)(self.policy.spec).to(self.device)
        policy.load_state_dict({**self.policy.state_dict(), **self._average})
        return policy.eval()

    def state_dict(self) -> dict[str, Tensor]:
        """Every tensor to be remembered, by a name that says what it is of."""
        slots = self._optimizer.state_dict()["state"]
        optimizer = {
            f"optimizer.{name}.{slot}": tensor
            for index, name in enumerate(self._parameters)
            for slot, tensor in slots.get(index, {}).items()
        }
        policy = {f"policy.{name}": tensor for name, tensor in self.policy.state_dict().items()}
        return policy | {f"average.{name}": tensor for name, tensor in self._average.items()} | optimizer

    def load_state_dict(self, tensors: dict[str, Tensor], step: int) -> None:
        """Go on from what `state_dict` gave after `step` steps; DatasetError where it is of another policy."""
        try:
            self.policy.load_state_dict(select(tensors, "policy"))
        except RuntimeError:
            raise DatasetError(
                f"the checkpoint's weights do not fit the policy '{self.settings.policy}' of this version: "
                "begin the run anew in another folder."
            ) from None
        self._average = {name: tensors[f"average.{name}"].to(self.device) for name in self._parameters}
        slots = {index: select(tensors, f"optimizer.{name}") for index, name in enumerate(self._parameters)}
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": slots, "param_groups": groups})
        self.step = step

    def _update(self, batch: TrainingBatch) -> float:
        generator = torch.Generator().manual_seed(_seed(self.settings.seed, f"step {self.step}"))
        self.policy.train()
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = self.policy.loss(batch.observation, batch.action, batch.action_mask, generator)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._parameters.values(), MAX_GRADIENT_NORM)
        self._optimizer.param_groups[0]["lr"] = learning_rate(self.settings, self.step)
        self._optimizer.step()
        self._follow()
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average; early on it forgets faster, so that it does not keep the first weights."""
        decay = min(self.settings.average_decay, (1 + self.step) / (10 + self.step))
        for name, parameter in self._parameters.items():
            self._average[name].lerp_(parameter, 1.0 - decay)


def learning_rate(settings: TrainSettings, step: int) -> float:
    """The rate of step `step`: up linearly over the warm-up, then down to zero along a cosine."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))


def _seed(seed: int, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:7], "big")

"""Fine-tune with transformers, TRL and PEFT: what the notebook needs beside them.

    base = choose("local")                 or "codellama", "llama", "qwen" on a GPU
    model, tokenizer = load_base(base)
    trainer = AnswerTrainer(model=model, args=SFTConfig(...), ...)
    train(trainer)                         goes on from the last checkpoint, if any
    answers = generate(model, tokenizer, prompts)

The notebook shows the recipe itself; here is the plumbing. It must never know SQL or a
data set.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import transformers
from peft import LoraConfig
from torch import Tensor
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
)
from transformers.trainer_utils import get_last_checkpoint, set_seed
from trl import SFTTrainer

from helpers.messages import say

# peft 0.21 asks transformers 5 by a name that is going; a learner can do nothing.
warnings.filterwarnings(
    "ignore",
    message="`is_gradient_checkpointing` is deprecated",
    category=FutureWarning,
)

ROOT = Path(__file__).resolve().parent.parent
SEED = 20261123


@dataclass(frozen=True)
class Base:
    """A base model to fine-tune.

    Attributes:
        name: what a notebook calls it.
        path: a folder, or owner/name on the Hugging Face Hub.
        four_bit: whether its weights are quantised to 4 bits (QLoRA), on a GPU.
        licence: what has to be accepted before it can be fetched; "" if nothing.
    """

    name: str
    path: str
    four_bit: bool = False
    licence: str = ""


BASES = {
    base.name: base
    for base in (
        Base("local", str(ROOT / "data" / "base_model")),
        Base("codellama", "codellama/CodeLlama-7b-hf", True),
        Base("llama", "meta-llama/Llama-3.1-8B", True, "Llama 3.1 licence"),
        Base("qwen", "Qwen/Qwen2.5-Coder-7B", True),
    )
}


def choose(name: str) -> Base:
    """Return a base model by its name.

    Raises:
        ValueError: there is none of that name.
        RuntimeError: it needs a GPU, and there is none.
    """
    if name not in BASES:
        raise ValueError(say("hf.no_base", name=name, known=", ".join(BASES)))
    base = BASES[name]
    if base.four_bit and not torch.cuda.is_available():
        raise RuntimeError(say("hf.no_gpu", name=name))
    return base


def load_base(base: Base) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a base model and its tokenizer, ready for training.

    Args:
        base: from `choose`. With 4 bits its weights are NF4 with double quantisation,
            and it computes in bfloat16 (Dettmers and others, QLoRA, 2023); else it is
            float32, in which optimisers are at home, with attention as plain products
            of matrices: for rows of some hundred tokens a processor does those faster
            than PyTorch's fused attention (0.29 s for a step of LoRA, not 0.38 s).
    """
    more: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": "eager"}
    if base.four_bit:
        quantised = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        more = {
            "quantization_config": quantised,
            "dtype": torch.bfloat16,
            "device_map": "auto",
        }
    else:
        # Read and written in a blink: a bar for that is noise.
        transformers.utils.logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(base.path)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return AutoModelForCausalLM.from_pretrained(base.path, **more), tokenizer


def lora(rank: int, **more: Any) -> LoraConfig:
    """Return the settings of LoRA (Hu and others, 2021): every linear layer.

    Args:
        rank: of the two small matrices that are added to each large one.
        more: further arguments, such as trainable_token_indices.
    """
    return LoraConfig(
        r=rank,
        lora_alpha=2 * rank,  # what is added counts alpha / r, so twice
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        **more,
    )


def trainable(model: torch.nn.Module) -> tuple[int, int]:
    """Return how many parameters are trained, and how many there are."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(n for n, learns in sizes if learns), sum(n for n, _ in sizes)


class AnswerTrainer(SFTTrainer):
    """SFTTrainer that computes what counts: no padding, scores of answers alone.

    The loss is the same. On a GPU with Triton, SFTTrainer leaves needless scores out
    itself; elsewhere it computes the probabilities of all 3,072 tokens at every place,
    padding included, and throws most away (trl 1.16.0, trainer/utils.py,
    add_fused_lm_head). Here rows of like length go through the model in pieces of
    eight, so that hardly any padding is computed though rows are drawn by chance.
    """

    piece_rows = 8

    def compute_loss(
        self,
        model: PreTrainedModel,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the cross-entropy of the answers' tokens, per token."""
        rows = inputs["input_ids"].shape[0]
        order = inputs["attention_mask"].sum(dim=1).argsort()
        pieces = order.split(self.piece_rows if order.device.type == "cpu" else rows)
        losses, right, counted = [], 0, 0
        for piece in pieces:
            scores, wanted = self._scores(
                model, {k: v[piece] for k, v in inputs.items()}
            )
            losses.append(functional.cross_entropy(scores, wanted, reduction="sum"))
            right += int((scores.argmax(-1) == wanted).sum())
            counted += len(wanted)
        loss = torch.stack(losses).sum()
        if num_items_in_batch is None:
            num_items_in_batch = counted
        elif self.args.average_tokens_across_devices:
            # It counts the tokens of all processes, and their gradients are averaged.
            loss = loss * self.accelerator.num_processes
        mode = "train" if self.model.training else "eval"
        self._metrics[mode]["mean_token_accuracy"].append(right / max(1, counted))
        loss = loss / num_items_in_batch
        return (loss, {"loss": loss.detach()}) if return_outputs else loss

    @staticmethod
    def _scores(
        model: PreTrainedModel, rows: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return scores (tokens, vocabulary) and the right ids (tokens) of answers."""
        width = int(rows["attention_mask"].sum(dim=1).max())  # padding is on the right
        labels = rows["labels"][:, :width]
        # From the first answer's first token on; a token is foretold one place before.
        start = int((labels != -100).any(dim=0).nonzero()[0])
        places = torch.arange(start - 1, width - 1, device=labels.device)
        output = model(
            input_ids=rows["input_ids"][:, :width],
            attention_mask=rows["attention_mask"][:, :width],
            use_cache=False,
            logits_to_keep=places,
        )
        wanted = labels[:, start:]
        counted = wanted != -100
        return output.logits[counted].float(), wanted[counted]


class Progress(TrainerCallback):
    """Says ten times in a training how far it is.

    transformers prints a dict for each entry of its log, or, where bars are shown, a
    bar that a saved notebook cannot hold.
    """

    def __init__(self) -> None:
        """Begin to count the time."""
        self._began, self._told = time.perf_counter(), 0

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any
    ) -> None:
        """Say it, if another tenth is done."""
        tenth = 10 * state.global_step // max(1, state.max_steps)
        if logs and "loss" in logs and tenth > self._told:
            self._told = tenth
            told = {"step": state.global_step, "steps": state.max_steps}
            seconds = time.perf_counter() - self._began
            print(say("hf.progress", **told, loss=float(logs["loss"]), seconds=seconds))


def train(trainer: Trainer) -> float:
    """Train, from the last checkpoint in the output folder if there is one.

    A training that has ended is not done again: its last checkpoint is loaded.

    Returns:
        Seconds it took.
    """
    for known in (PrinterCallback, Progress):  # a cell that is run again adds no second
        trainer.remove_callback(known)
    trainer.add_callback(Progress())
    folder = Path(trainer.args.output_dir)
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    started = time.perf_counter()
    trainer.train(resume_from_checkpoint=last)
    return time.perf_counter() - started


def history(trainer: SFTTrainer) -> pd.DataFrame:
    """Return the curves of a training, with the column names of our charts.

    Returns:
        One row per step that was logged: step, train_loss, full_valid_loss,
        train_mean_token_accuracy, full_valid_mean_token_accuracy.
    """
    names = {
        "loss": "train_loss",
        "eval_loss": "full_valid_loss",
        "mean_token_accuracy": "train_mean_token_accuracy",
        "eval_mean_token_accuracy": "full_valid_mean_token_accuracy",
    }
    # The entry that sums the training up has a mean under the name of our column.
    log = pd.DataFrame(trainer.state.log_history).drop(
        columns="train_loss", errors="ignore"
    )
    rows = log.rename(columns=names)
    kept = [name for name in ("step", *names.values()) if name in rows]
    merged = rows[kept].apply(pd.to_numeric).groupby("step", as_index=False).first()
    # Its last entry sums the training up and has no loss of a step.
    return merged.dropna(subset=[c for c in kept if c != "step"], how="all")


@torch.no_grad()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[Mapping[str, str]]],
    *,
    max_new_tokens: int = 110,
    at_once: int = 50,
    temperature: float = 0.0,
    seed: int = SEED,
) -> list[str]:
    """Return a model's answers to chats.

    Args:
        model: any causal model; with an adapter or without.
        tokenizer: with a chat template.
        prompts: messages that end with the user's.
        max_new_tokens: longest answer.
        at_once: chats in a batch; long ones stand together, so that little is padded.
        temperature: 0 takes the likeliest token every time (greedy).
        seed: of the draws, where there are any.
    """
    texts = [
        tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=True
        )
        for messages in prompts
    ]
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    how = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    answers = [""] * len(texts)
    learning = model.training
    model.eval()
    set_seed(seed)
    for start in range(0, len(order), at_once):
        chosen = order[start : start + at_once]
        batch = tokenizer(
            [texts[i] for i in chosen],
            return_tensors="pt",
            padding=True,
            padding_side="left",
            add_special_tokens=False,
        ).to(model.device)
        made = model.generate(
            **batch,
            max_new_tokens=max_new_tokens,
            pad_token_id=tokenizer.pad_token_id,
            **(how if temperature else {"do_sample": False}),
        )
        new = made[:, batch["input_ids"].shape[1] :]
        for i, text in zip(
            chosen, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True
        ):
            answers[i] = text.strip()
    model.train(learning)
    return answers


@torch.no_grad()
def first_token_probability(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[Mapping[str, str]]],
    token: int,
) -> float:
    """Return how likely a token is at the start of an answer, on average.

    Args:
        model, tokenizer: as for `generate`.
        prompts: messages that end with the user's.
        token: its id.
    """
    model.eval()
    found = []
    for messages in prompts:
        text = tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=True
        )
        batch = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        scores = model(**batch.to(model.device)).logits[0, -1].float()
        found.append(scores.softmax(-1)[token].item())
    return sum(found) / len(found)


def pairs(
    rows: Iterable[Mapping[str, Any]], answers: Iterable[str], wrong: Iterable[bool]
) -> list[dict[str, Any]]:
    """Return pairs for DPO: the right answer chosen, the model's own wrong one refused.

    Args:
        rows: each with a prompt and a completion, as lists of messages.
        answers: what the model said to each.
        wrong: whether that was wrong; only those become pairs, each text once.
    """
    made = []
    known = set()
    for row, answer, is_wrong in zip(rows, answers, wrong, strict=True):
        key = (row["prompt"][-1]["content"], answer)
        if not is_wrong or not answer or key in known:
            continue
        known.add(key)
        refused = [{"role": "assistant", "content": answer}]
        made.append(
            {
                "prompt": row["prompt"],
                "chosen": row["completion"],
                "rejected": refused,
            }
        )
    return made

"""The same weights in llama.cpp: a GGUF file of a Llama folder, and greedy answers.

llama.cpp has no rule for cutting text that equals the base model's tokenizer (it writes
a mark between letters and what stands before them), and llama-cpp-python's server takes
texts only. So token ids are handed to its Python API, and its answers are turned into
text by the model's own tokenizer: what is timed is llama.cpp's work. Its server answers
one request at a time too, behind a lock.

    pip install llama-cpp-python==0.3.36 gguf==0.19.0   # compiles for ten minutes
    python benchmarks/bench_generation.py --llama-cpp
"""

from __future__ import annotations

import importlib.util
import json
import os
import time
from pathlib import Path

PRECISIONS = ("float32", "float16")
PACKAGES = ("llama_cpp", "gguf")
HOW = (
    "llama.cpp is not there. With a C++ compiler and ten minutes: "
    "pip install llama-cpp-python==0.3.36 gguf==0.19.0"
)


def is_installed() -> bool:
    """True where llama-cpp-python and gguf can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def write_gguf(model: Path, path: Path, precision: str = "float32") -> Path:
    """Write the weights of a Llama folder as a GGUF file without a tokenizer.

    Names and meanings: ggml's docs/gguf.md and gguf's constants (0.19.0).

    Args:
        model: Hugging Face folder of a Llama model with safetensors.
        path: the file to write.
        precision: "float32" or "float16", of the matrices; norms stay float32.
    """
    import gguf
    import numpy as np
    from safetensors.torch import load_file

    config = json.loads((model / "config.json").read_text("utf-8"))
    heads = config["num_attention_heads"]
    groups = config.get("num_key_value_heads") or heads
    dim = config.get("head_dim") or config["hidden_size"] // heads
    layers = config["num_hidden_layers"]
    rope = config.get("rope_parameters") or {"rope_theta": config.get("rope_theta")}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(model.name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(layers)
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_key_length(dim)
    writer.add_value_length(dim)
    writer.add_rope_dimension_count(dim)
    writer.add_rope_freq_base(rope.get("rope_theta") or 10000.0)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, layers)
    for name, tensor in load_file(str(model / "model.safetensors")).items():
        values = tensor.float().numpy()
        if name.endswith("q_proj.weight"):
            values = _turned(values, heads)
        elif name.endswith("k_proj.weight"):
            values = _turned(values, groups)
        if values.ndim > 1 and precision == "float16":
            values = values.astype(np.float16)
        writer.add_tensor(
            names.get_name(name, try_suffixes=(".weight",)),
            np.ascontiguousarray(values),
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _turned(weights, heads: int):
    """Reorder the rows of a query or key matrix as llama.cpp wants them.

    Hugging Face turns row i of a head together with row i + dim/2, llama.cpp's "llama"
    turns rows 2i and 2i + 1 (RoPE, arXiv:2104.09864, section 3.2.2).
    """
    rows, columns = weights.shape
    halves = weights.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def answers(
    file: Path, prompts: list[list[int]], threads: int, end: int, max_tokens: int
) -> dict:
    """Answer prompts greedily, one by one; returns seconds, latencies and ids."""
    import llama_cpp

    llama = llama_cpp.Llama(
        str(file), n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False
    )

    def answer(prompt: list[int]) -> list[int]:
        found: list[int] = []
        # A context of its own for each, as for the others: nothing is taken over.
        llama.reset()
        for token in llama.generate(prompt, temp=0.0, repeat_penalty=1.0):
            if token == end or len(found) == max_tokens:
                break
            found.append(int(token))
        return found

    answer(prompts[0])
    ids, latencies = [], []
    began = time.perf_counter()
    for prompt in prompts:
        start = time.perf_counter()
        ids.append(answer(prompt))
        latencies.append(time.perf_counter() - start)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "latencies": latencies, "ids": ids}


def child(options, prompts: list[list[dict]], max_tokens: int) -> dict:
    """One side of bench_generation in this process."""
    from transformers import AutoTokenizer

    from helpers.provider.rendering import ChatRenderer

    renderer = ChatRenderer(options.model)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    file = options.model.with_name(f"{options.model.name}-{os.getpid()}.gguf")
    write_gguf(options.model, file, options.precision)
    try:
        found = answers(
            file,
            [renderer.prompt_ids(messages) for messages in prompts],
            options.threads,
            tokenizer.eos_token_id,
            max_tokens,
        )
    finally:
        file.unlink()
    ids = found.pop("ids")
    texts = [tokenizer.decode(answer, skip_special_tokens=True) for answer in ids]
    return found | {"texts": texts}

"""Training with transformers and TRL: the plumbing, on a model of a few weights."""

import pytest
import torch
import transformers
from datasets import Dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import SFTConfig, SFTTrainer

from helpers import hf_training, sql_data
from helpers.hf_training import AnswerTrainer, choose, generate, history, pairs, train

BASE = hf_training.BASES["local"]


def tiny_model() -> LlamaForCausalLM:
    torch.manual_seed(1)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=3072,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            tie_word_embeddings=True,
            eos_token_id=1,
            pad_token_id=0,
        )
    )


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(BASE.path)


@pytest.fixture(scope="module")
def rows() -> Dataset:
    some = sql_data.load("validation").head(8).to_dict("records")
    return Dataset.from_list([sql_data.as_prompt_completion(row) for row in some])


def settings(folder, **more) -> SFTConfig:
    return SFTConfig(
        **{
            "output_dir": str(folder),
            "max_steps": 4,
            "per_device_train_batch_size": 4,
            "learning_rate": 1e-3,
            "logging_steps": 1,
            "save_steps": 2,
            "report_to": "none",
            "use_cpu": True,
            "bf16": False,
            "activation_checkpointing": False,
            "completion_only_loss": True,
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
            **more,
        }
    )


def trainer(kind, folder, rows, tokenizer, **more) -> SFTTrainer:
    return kind(
        model=tiny_model(),
        args=settings(folder, **more),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )


def test_the_loss_is_that_of_sfttrainer(tmp_path, rows, tokenizer) -> None:
    losses = []
    for kind in (SFTTrainer, AnswerTrainer):
        made = trainer(
            kind,
            tmp_path / kind.__name__,
            rows,
            tokenizer,
            save_steps=9,
            per_device_train_batch_size=8,  # more than a piece
        )
        made.train()
        losses.append([e["loss"] for e in made.state.log_history if "loss" in e])
    ours, theirs = ([float(loss) for loss in one] for one in losses)
    assert ours == pytest.approx(theirs, abs=2e-3)
    assert len(ours) == 4


def test_an_interrupted_training_ends_with_the_same_weights(
    tmp_path, rows, tokenizer
) -> None:
    whole = trainer(AnswerTrainer, tmp_path / "whole", rows, tokenizer)
    train(whole)
    # Interrupted: the checkpoint of the last step is gone, as if it had been killed.
    import shutil

    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    shutil.rmtree(tmp_path / "again" / "checkpoint-4")
    resumed = trainer(AnswerTrainer, tmp_path / "again", rows, tokenizer)
    train(resumed)
    assert resumed.state.global_step == 4
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_training_that_has_ended_is_not_done_again(tmp_path, rows, tokenizer) -> None:
    first = trainer(AnswerTrainer, tmp_path, rows, tokenizer)
    train(first)
    second = trainer(AnswerTrainer, tmp_path, rows, tokenizer)
    train(second)
    steps = [e["step"] for e in second.state.log_history if "loss" in e]
    assert steps == [1, 2, 3, 4]
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name


def test_a_training_that_is_started_again_tells_each_step_once(
    tmp_path, rows, tokenizer, capsys
) -> None:
    made = trainer(AnswerTrainer, tmp_path, rows, tokenizer, save_strategy="no")
    train(made)
    once = capsys.readouterr().out.count(" steps ")
    train(made)
    assert capsys.readouterr().out.count(" steps ") == once > 0


def test_the_history_has_the_columns_of_our_charts(tmp_path, rows, tokenizer) -> None:
    made = trainer(
        AnswerTrainer, tmp_path, rows, tokenizer, eval_strategy="steps", eval_steps=2
    )
    train(made)
    curve = history(made)
    assert list(curve.step) == [1, 2, 3, 4]
    assert curve.train_loss.notna().all()
    assert curve.full_valid_loss.notna().sum() == 2
    assert curve.train_mean_token_accuracy.between(0, 1).all()


def test_lora_trains_a_part_and_the_named_tokens(tmp_path, tokenizer) -> None:
    from peft import get_peft_model

    plain = get_peft_model(tiny_model(), hf_training.lora(2))
    named = get_peft_model(
        tiny_model(), hf_training.lora(2, trainable_token_indices=[5, 6])
    )
    few, whole = hf_training.trainable(plain)
    more, _ = hf_training.trainable(named)
    assert few < whole
    assert more - few == 2 * 16


def test_answers_come_in_the_order_of_the_questions(tokenizer) -> None:
    model = tiny_model()
    prompts = [
        [{"role": "user", "content": "word " * n}] for n in (9, 1, 5, 3)
    ]  # fmt: skip
    together = generate(model, tokenizer, prompts, max_new_tokens=5, at_once=2)
    alone = [generate(model, tokenizer, [p], max_new_tokens=5)[0] for p in prompts]
    assert together == alone


def test_draws_follow_the_seed(tokenizer) -> None:
    model = tiny_model()
    prompts = [[{"role": "user", "content": "salt"}]] * 3
    same = [
        generate(model, tokenizer, prompts, max_new_tokens=6, temperature=1.0, seed=s)
        for s in (1, 1, 2)
    ]
    assert same[0] == same[1] != same[2]


def test_pairs_hold_wrong_answers_alone_and_each_once(rows) -> None:
    some = [rows[0], rows[0], rows[1], rows[2]]
    made = pairs(some, ["a", "a", "b", ""], [True, True, False, True])
    assert len(made) == 1
    assert made[0]["rejected"][0]["content"] == "a"
    assert made[0]["chosen"] == rows[0]["completion"]


def test_a_small_base_is_loaded_and_saved_without_bars(tmp_path, capfd) -> None:
    transformers.utils.logging.enable_progress_bar()
    model, _ = hf_training.load_base(BASE)
    model.save_pretrained(tmp_path)
    assert capfd.readouterr().err == ""


def test_an_unknown_base_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'gpt'.*local.*qwen"):
        choose("gpt")


def test_a_large_base_is_refused_where_there_is_no_gpu(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="needs a GPU"):
        choose("codellama")
    assert choose("local").path.endswith("base_model")

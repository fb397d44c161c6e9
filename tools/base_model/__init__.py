"""How the base model in data/base_model is made: tokenizer, pre-training, probes.

`python -m tools.base_model` (`make base-model`) runs the steps that are missing. Each
step can be interrupted and goes on where it stopped. What the text is made of stands in
tools/corpus; nothing here knows a lesson.
"""

"""The local provider: the OpenAI fine-tuning API in a box, on loopback.

Started with `python -m helpers.provider serve`. Nothing is imported here, so that the
parts can be used one by one and the server starts fast.
"""

"""Tests of the local provider, through the `openai` client over a real socket."""

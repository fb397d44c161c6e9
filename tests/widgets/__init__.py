"""Tests of helpers.widgets."""

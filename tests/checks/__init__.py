"""Tests of helpers.checks."""

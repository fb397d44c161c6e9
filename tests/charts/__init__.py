"""Tests of helpers.charts."""

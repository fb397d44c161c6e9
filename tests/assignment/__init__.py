"""Tests of helpers.assignment."""

"""Tests of the Azure dialect."""

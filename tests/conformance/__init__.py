"""Checks that others wrote, and what it takes to run them against the provider."""

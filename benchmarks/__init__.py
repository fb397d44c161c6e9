"""Side-by-side measurements of the local provider; see benchmarks/README.md."""

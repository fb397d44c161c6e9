"""What is killed, filled up or broken on purpose, and must come to no harm."""

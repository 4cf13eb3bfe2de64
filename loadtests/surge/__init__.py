"""The surge: people arrive as on the morning of an announcement, and write down what they see (README.md)."""

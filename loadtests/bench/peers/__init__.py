"""What others build, and the floor under all: the other side of each ratio, in a venv of their own."""

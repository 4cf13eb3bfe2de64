"""`python -m gateway.operators.rehearsal`: the command by itself."""

from gateway.operators.rehearsal.command import rehearse_command

if __name__ == "__main__":
    rehearse_command(prog_name="python -m gateway.operators.rehearsal")

from gateway.operators.cli.root import qabyldau

if __name__ == "__main__":
    qabyldau(prog_name="qabyldau")

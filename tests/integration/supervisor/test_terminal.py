import signal

from tests.integration.supervisor.service import dummy_service, python


def test_lines_of_a_child_stay_whole_behind_its_name() -> None:
    line = '{"event": "қабылданды", "padding": "' + "x" * 100_000 + '"}'
    talking = python(f"import time; print({line!r}); print('no end of line', end='', flush=True)")
    with dummy_service({"name": "one", "argv": talking}) as service:
        # A line longer than a pipe holds must be read before the stop, which waits a second for its reader.
        service.read_until(f"one | {line}\n")
        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        assert f"one | {line}" in service.read_rest().splitlines()


def test_a_terminal_that_nobody_reads_stops_neither_the_children_nor_the_stop() -> None:
    flooding = python(
        "import sys, signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit())\n"
        "while True: sys.stdout.write('x' * 1000 + '\\n')"
    )
    with dummy_service({"name": "one", "argv": flooding}) as service:
        service.read_until("xxx")
        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        assert not service.pids()


def test_a_reader_that_leaves_does_not_end_the_service() -> None:
    talking = python("import time\nwhile True: print('still here', flush=True); time.sleep(0.01)")
    with dummy_service({"name": "one", "argv": talking}) as service:
        service.read_until("still here")
        assert service.process.stdout is not None
        service.process.stdout.close()
        assert len(service.pids()) == 2
        service.signal(signal.SIGTERM)

        assert service.wait() == 0

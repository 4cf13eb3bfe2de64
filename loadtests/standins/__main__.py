import argparse
import sys

import uvloop
from aiohttp import web

from config.keys import KeysError, load_keys
from config.lifeline import die_with_parent
from config.settings import SettingsError, load_settings
from loadtests.standins.app import create_standins

# What is under way when the process is told to stop gets this long; what hangs is released at once.
SHUTDOWN_SECONDS = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.standins", description="Stand-ins of the state systems"
    )
    parser.add_argument(
        "--gateway-url", help="where E-Maket sends its decisions (default: the gateway of the settings)"
    )
    arguments = parser.parse_args()
    die_with_parent()
    try:
        settings = load_settings()
        keys = load_keys(settings.keys_path)
    except (SettingsError, KeysError) as wrong:
        sys.exit(str(wrong))
    gateway_url = arguments.gateway_url or f"http://127.0.0.1:{settings.port}"
    app = create_standins(gateway_url, keys.webhook)
    # No access log: a GET to the SMS provider carries the text of the message in its URL.
    web.run_app(
        app,
        host="127.0.0.1",
        port=settings.standins_port,
        access_log=None,
        print=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()

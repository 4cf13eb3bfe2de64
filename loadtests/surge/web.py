"""Our numbers on Locust's page: a tab that shows the people beside the slots."""

import json
from http.client import HTTPException
from typing import Any
from urllib.request import urlopen

from flask import Response, request
from locust.web import WebUI

from loadtests.surge.swarm import Conductor

_KEY = "surge"
_FIGURE, _NOW = "figure", "now"

# What Locust's page asks for every two seconds.
_STATISTICS = "/stats/requests"

_ASK_SECONDS = 1.0
_SHOWN = ("limit", "in_process", "waiting", "eta_seconds", "eta_p90_seconds")


def add_tab(web_ui: WebUI, conductor: Conductor) -> None:
    columns = [{"key": _FIGURE, "title": "Surge"}, {"key": _NOW, "title": "Now"}]
    web_ui.template_args["extended_tabs"] = [{"title": "Surge", "key": _KEY}]
    web_ui.template_args["extended_tables"] = [{"key": _KEY, "structure": columns}]

    @web_ui.app.after_request  # type: ignore[untyped-decorator]  # Flask is not in this environment.
    def add_figures(response: Response) -> Response:
        if request.path == _STATISTICS:
            rows = [{_FIGURE: name, _NOW: value} for name, value in _figures(conductor).items()]
            response.set_data(json.dumps({**response.json, "extended_stats": [{"key": _KEY, "data": rows}]}))
        return response


def _figures(conductor: Conductor) -> dict[str, Any]:
    counts = conductor.counts
    return {
        "profile": conductor.plan.profile.name,
        "second": round(conductor.passed_seconds),
        "offered per second": round(conductor.offered_per_second, 1),
        "arrived": counts.arrived,
        "inside": counts.arrived - counts.gone,
        "gone": counts.gone,
        **_programme(f"{conductor.plan.gateway}/v1/programmes/{conductor.plan.programme}"),
    }


def _programme(url: str) -> dict[str, Any]:
    try:
        with urlopen(url, timeout=_ASK_SECONDS) as response:  # noqa: S310 - the service under load.
            facts = json.load(response)
    except (OSError, HTTPException, ValueError):
        return dict.fromkeys(_SHOWN, "?")
    return {name: facts[name] for name in _SHOWN}

"""What the stand-in tells: the controls of a programme, and the figures of a morning that never ends."""

import math
from datetime import UTC, datetime
from typing import Any

TITLES = {
    "kk": "Табысынан айырылғандарға арналған 42 500 теңге әлеуметтік төлем",
    "ru": "Социальная выплата 42 500 тенге в связи с потерей дохода",
    "en": "Social payment of 42,500 tenge for loss of income",
}
MODES = ["open", "line_for_all", "hold", "drain", "closed"]


def _integer(name: str, value: int, highest: int, unit: str | None = None, lowest: int = 0) -> dict[str, Any]:
    bounds: dict[str, Any] = {"lowest": lowest, "highest": highest, "choices": []}
    return {"name": name, "kind": "integer", "unit": unit, **bounds, "value": value, "default": value}


def _boolean(name: str, *, value: bool) -> dict[str, Any]:
    bounds: dict[str, Any] = {"unit": None, "lowest": None, "highest": None, "choices": []}
    return {"name": name, "kind": "boolean", **bounds, "value": value, "default": value}


def _text(name: str) -> dict[str, Any]:
    bounds: dict[str, Any] = {"unit": "characters", "lowest": 0, "highest": 500, "choices": []}
    return {"name": name, "kind": "text", **bounds, "value": "", "default": ""}


def controls_of_a_programme() -> list[dict[str, Any]]:
    mode = {"name": "mode", "kind": "choice", "unit": None, "lowest": None, "highest": None, "choices": MODES}
    limited = [("address", 300, 10), ("person", 30, 60), ("phone", 5, 86_400), ("block", 5_000, 3_600)]
    return [
        _integer("limit", 25_000, 1_000_000, "slots"),
        {**mode, "value": "open", "default": "open"},
        *(_text(f"message_{language}") for language in ("kk", "ru", "en")),
        _integer("inlet_per_second", 0, 100_000, "per_second"),
        _integer("calls_per_second", 1_000, 100_000, "per_second", 1),
        _integer("codes_per_day", 2_000_000, 100_000_000, "per_day"),
        _integer("claim_window_seconds", 20, 86_400, "seconds", 1),
        _integer("front_row_window_seconds", 120, 86_400, "seconds", 1),
        _integer("lease_before_phone_seconds", 180, 86_400, "seconds", 1),
        _integer("lease_after_code_seconds", 600, 86_400, "seconds", 1),
        _integer("unconfirmed_share_percent", 100, 100, "percent", 1),
        *(
            control
            for who, count, window in limited
            for control in (
                _integer(f"{who}_count", count, 10_000_000, None, 1),
                _integer(f"{who}_window_seconds", window, 86_400, "seconds", 1),
                _boolean(f"{who}_shadow", value=False),
            )
        ),
        *(
            _boolean(f"category_{name}_open", value=name != "single_aggregate_payer")
            for name in ("business_employee", "entrepreneur", "single_aggregate_payer", "contractor")
        ),
    ]


def wire_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sample_of_a_morning(at: float, limit: int) -> dict[str, Any]:
    """A second of a surge; the same for the same second."""
    wave = math.sin(at / 37) + 0.4 * math.sin(at / 5.3)
    promised = 940 + 60 * math.sin(at / 90)
    return {
        "at": wire_time(at),
        "live": min(limit, 24_871 + int(60 * wave)),
        "limit": limit,
        "waiting": 148_200 + int(900 * math.sin(at / 120)),
        "arrivals": max(0.0, 412 + 90 * wave),
        "admissions": max(0.0, 83 + 11 * wave),
        "refusals": {
            "full": max(0.0, 290 + 70 * wave),
            "rate_limited": max(0.0, 31 + 14 * wave),
            "invalid_application": max(0.0, 12 + 3 * wave),
            "already_applied": max(0.0, 4.0 + wave),
        },
        "accepted": 79.0 + 4 * wave,
        "forwarded": 81.0 + 6 * wave,
        "called": 95.0,
        "missed": 7.0,
        "eta_promised_seconds": promised,
        "eta_waited_seconds": promised * 1.06 + 20 * wave,
    }


def state_of_a_morning(at: float, mode: str, limit: int) -> dict[str, Any]:
    """The state of that second; a lower limit evicts nobody."""
    sample = sample_of_a_morning(at, 25_000) | {"limit": limit}
    unconfirmed = 3_120
    return {
        "at": sample["at"],
        "programme": "42500",
        "mode": mode,
        "limit": limit,
        "live": sample["live"],
        "unconfirmed": unconfirmed,
        "confirmed": sample["live"] - unconfirmed,
        "accepted": 412_907,
        "high": 25_000,
        "waiting": sample["waiting"],
        "front_row_waiting": 312,
        "reserved": 96,
        "eta_seconds": 960,
        "eta_p90_seconds": 1_320,
        "queues": {
            "cases": {"jobs": 4_210, "oldest_seconds": 48.0},
            "sms": {"jobs": 96, "oldest_seconds": 1.2},
            "receipts": {"jobs": 0, "oldest_seconds": 0},
        },
        "systems": {
            "labour_market": _system("up", 81.0, 0.2, 140),
            "e_maket": _system("up", 80.4, 0.0, 310),
            "sms": _system("up", 96.0, 0.1, 220),
        },
        "sms": {"sent": 455_120, "confirmed": 412_907, "confirmed_percent": 90.7},
        "workers_alive": 4,
        "gateways_alive": 2,
        "store_up": True,
        "sample": sample,
    }


def _system(state: str, calls: float | None, errors: float | None, p95: int | None) -> dict[str, Any]:
    return {"state": state, "calls_per_second": calls, "errors_percent": errors, "p95_ms": p95}

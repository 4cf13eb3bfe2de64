"""What Prometheus would have seen of forty minutes in which one thing goes wrong, in promtool's notation."""

from pathlib import Path
from typing import Any

# As long as the most patient alert, and its windows.
_MINUTES = 45

_P, _GATEWAY, _WORKER = 'programme="42500"', 'gateway="a:8000"', 'worker="a:worker-1"'
_SUBMIT = 'route="/v1/programmes/{programme}/applications"'


def _flat(value: float) -> str:
    return f"{value}x{_MINUTES}"


def _rising(each_minute: float) -> str:
    return f"0+{each_minute}x{_MINUTES}"


def _seconds(name: str, labels: str, slow: int, quick: int, border: str) -> dict[str, str]:
    """A histogram: in a minute so many above and below the border."""
    return {
        f'{name}_bucket{{{labels}, le="{border}"}}': _rising(quick),
        f'{name}_bucket{{{labels}, le="1000.0"}}': _rising(quick + slow),
        f'{name}_bucket{{{labels}, le="+Inf"}}': _rising(quick + slow),
    }


def _called(each_minute: float) -> dict[str, str]:
    return {f'qabyldau_tickets_called_total{{{_P}, lane="line"}}': _rising(each_minute)}


def _calls(system: str, **each_minute: int) -> dict[str, str]:
    return {
        f'qabyldau_system_calls_total{{{_WORKER}, system="{system}", outcome="{outcome}"}}': _rising(count)
        for outcome, count in each_minute.items()
    }


def _messages(outcome: str, each_minute: int) -> dict[str, str]:
    labels = f'{_WORKER}, {_P}, message="code", outcome="{outcome}"'
    return {f"qabyldau_messages_total{{{labels}}}": _rising(each_minute)}


def _confirmations(outcome: str, each_minute: int) -> dict[str, str]:
    labels = f'{_GATEWAY}, {_P}, outcome="{outcome}"'
    return {f"qabyldau_confirmations_total{{{labels}}}": _rising(each_minute)}


def _eta(promised: float, waited: float) -> dict[str, str]:
    return {
        f"qabyldau_eta_promised_seconds_total{{{_GATEWAY}, {_P}}}": _rising(promised),
        f"qabyldau_eta_waited_seconds_total{{{_GATEWAY}, {_P}}}": _rising(waited),
    }


def _alive(gateways: str, workers: str) -> dict[str, str]:
    return {
        'qabyldau_processes_alive{role="gateway"}': gateways,
        'qabyldau_processes_alive{role="worker"}': workers,
    }


_SHORT = f"qabyldau_store_short_of_memory{{{_P}}}"
_LIMIT, _LIVE = f"qabyldau_slots_limit{{{_P}}}", f"qabyldau_slots_live{{{_P}}}"
_WAITING = f'qabyldau_tickets_waiting{{{_P}, lane="line"}}'
_MISSED = f'qabyldau_tickets_missed{{{_P}, lane="line"}}'
_CASES = f'qabyldau_queue_oldest_seconds{{{_P}, queue="cases"}}'
_SMS = f'qabyldau_queue_oldest_seconds{{{_P}, queue="sms"}}'
_BREAKER = f'qabyldau_breaker{{{_P}, system="labour_market"}}'
_ACCEPTED = f"qabyldau_applications_accepted_total{{{_P}}}"
_ADMIT = ("qabyldau_redis_round_trip_seconds", f'{_GATEWAY}, verb="admit"')
_WRITE = ("qabyldau_register_seconds", f'{_WORKER}, kind="write"')
_LABOUR_MARKET = ("qabyldau_system_call_seconds", f'{_WORKER}, system="labour_market"')


def _parked(reason: str, each_minute: int) -> dict[str, str]:
    labels = f'{_WORKER}, {_P}, reason="{reason}"'
    return {f"qabyldau_cases_parked_total{{{labels}}}": _rising(each_minute)}


def _recovered(kind: str, each_minute: int) -> dict[str, str]:
    return {f'qabyldau_recovered_total{{{_WORKER}, {_P}, kind="{kind}"}}': _rising(each_minute)}


# The line moves, slots are used, codes come back, systems answer; now and then one does not.
_MORNING = {
    "qabyldau_store_up": _flat(1),
    _SHORT: _flat(0),
    **_alive(_flat(2), _flat(2)),
    f"qabyldau_http_mistakes_total{{{_GATEWAY}}}": _flat(0),
    f"qabyldau_worker_mistakes_total{{{_WORKER}}}": _flat(0),
    _LIMIT: _flat(25_000),
    _LIVE: _flat(24_000),
    _WAITING: _flat(50_000),
    _MISSED: _rising(50),
    **_called(1_000),
    f'qabyldau_http_requests_total{{{_GATEWAY}, {_SUBMIT}, status="2xx"}}': _rising(1_000),
    f'qabyldau_http_shed_total{{{_GATEWAY}, reason="overload"}}': _flat(0),
    f'qabyldau_http_shed_total{{{_GATEWAY}, reason="address"}}': _rising(10),
    **_eta(1_000, 1_100),
    _CASES: _flat(2),
    _SMS: _flat(1),
    _ACCEPTED: _rising(900),
    **_messages("sent", 1_000),
    **_messages("refused", 5),
    **_confirmations("accepted", 900),
    **_confirmations("wrong_code", 90),
    **_parked("dead_letter", 0),
    **_parked("labour_market_away", 0),
    **_recovered("requeued", 1),
    **_recovered("restored", 0),
    **_calls("labour_market", answered=900, timeout=9),
    _BREAKER: "0x20 2x1 0x40",
    **_seconds(*_ADMIT, slow=1, quick=1_000, border="0.05"),
    **_seconds(*_WRITE, slow=1, quick=1_000, border="0.5"),
    **_seconds(*_LABOUR_MARKET, slow=1, quick=1_000, border="1.0"),
}

# What is otherwise than on that morning; None: nothing is seen of it.
STORIES: dict[str, dict[str, str | None]] = {
    "MetricsAway": dict.fromkeys(_MORNING),
    "RedisAway": {"qabyldau_store_up": _flat(0)},
    "RedisShortOfMemory": {_SHORT: "0x39 1x10"},
    "RedisSlow": {**_seconds(*_ADMIT, slow=500, quick=500, border="0.05")},
    "RegisterSlow": {**_seconds(*_WRITE, slow=500, quick=500, border="0.5")},
    "GatewaysAway": {**_alive(_flat(0), _flat(2))},
    "WorkersAway": {**_alive(_flat(2), _flat(0))},
    "ProcessesFewer": {**_alive(_flat(2), "2x20 1x30")},
    "Mistakes": {f"qabyldau_worker_mistakes_total{{{_WORKER}}}": "0x40 1x10"},
    "OverLimit": {_LIVE: "24000x40 25010+10x10"},
    "DoorStands": {**_called(0), _LIVE: _flat(10_000)},
    "LimitReachedLong": {_LIVE: _flat(25_000)},
    "Shedding": {f'qabyldau_http_shed_total{{{_GATEWAY}, reason="overload"}}': _rising(600)},
    "AddressesRefused": {f'qabyldau_http_shed_total{{{_GATEWAY}, reason="address"}}': _rising(400)},
    "EtaWrong": {**_eta(1_000, 2_000)},
    "CalledDoNotCome": {_MISSED: _rising(800)},
    "CasesQueueOld": {_CASES: _flat(90)},
    "SmsQueueOld": {_SMS: _flat(60)},
    "DeadLetters": {f'qabyldau_cases_parked_total{{{_WORKER}, {_P}, reason="dead_letter"}}': "0x40 1x10"},
    "CasesPark": {**_parked("labour_market_away", 10)},
    "CasesForgotten": {**_recovered("requeued", 10)},
    "RedisLostCases": {**_recovered("restored", 1)},
    "SystemDown": {**_calls("labour_market", answered=100, timeout=900)},
    "BreakerOpen": {_BREAKER: "0x10 2x4 1x1 2x50"},
    "SystemSlow": {**_seconds(*_LABOUR_MARKET, slow=500, quick=500, border="1.0")},
    "CodesUnconfirmed": {_ACCEPTED: _rising(300)},
    "MessagesRefused": {**_messages("refused", 100)},
    "CodesWasted": {f'qabyldau_codes_asked_total{{{_GATEWAY}, {_P}, outcome="wasted"}}': _rising(20)},
    "CasesContested": {**_parked("contested", 4)},
    "CodesGuessed": {**_confirmations("wrong_code", 2_000)},
}


def promtool_tests(rules: Path) -> dict[str, Any]:
    """The file that `promtool test rules` reads: at the end of a story just its alert sounds."""
    quiet: dict[str, dict[str, str | None]] = {"a quiet morning": {}}
    return {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [_test(name, {**_MORNING, **changed}) for name, changed in (quiet | STORIES).items()],
    }


def _test(name: str, seen: dict[str, str | None]) -> dict[str, Any]:
    sounding = [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name in STORIES else []
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in seen.items() if values],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{_MINUTES}m",
                "exp_samples": sounding,
            }
        ],
    }

"""``systemctl``: unit states in the formats of systemd 252, and the verbs that change them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from lab.hosts.tools.calls import Arguments, Call, Reply, split
from lab.hosts.tools.journalctl import format_short
from lab.world_host import Host, Service, UnitNotFound

_VALUED = "-p --property -P -n --lines -o --output -t --type --state -s --signal -H --host"
_STATUS_LINES = 10
_NOT_RUNNING, _NO_SUCH_UNIT, _NOT_INSTALLED = 3, 4, 5


def systemctl(call: Call) -> Reply:
    """Dispatch on the verb."""
    arguments = split(call.words, _VALUED)
    verb, *units = arguments.operands or ["list-units"]
    if verb in _QUERIES:
        return _QUERIES[verb](call, arguments, units)
    if verb in _CHANGES:
        return _change(call, verb, units, now=arguments.has("--now"))
    if verb in ("daemon-reload", "reset-failed"):
        if not call.privileged:
            return _denied(verb)
        _read_units(call)
        return Reply()
    return Reply(err=f"Unknown command verb {verb}.\n", code=1)


def _denied(action: str) -> Reply:
    return Reply(err=f"Failed to {action}: Interactive authentication required.\n", code=1)


# -- changes


_CHANGES: dict[str, Callable[[Host, str], None]] = {
    "start": lambda host, unit: host.start_service(unit),
    "stop": lambda host, unit: host.stop_service(unit),
    "restart": lambda host, unit: host.restart_service(unit),
    "reload-or-restart": lambda host, unit: host.restart_service(unit),
    "try-restart": lambda host, unit: host.restart_service(unit) if host.is_active(unit) else None,
    "enable": lambda host, unit: host.enable_service(unit),
    "disable": lambda host, unit: host.enable_service(unit, enabled=False),
}


def _change(call: Call, verb: str, units: list[str], *, now: bool) -> Reply:
    if not units:
        return Reply(err="Too few arguments.\n", code=1)
    notices = ""
    for unit in map(_full_name, units):
        if not call.privileged:
            return _denied(f"{verb} {unit}")
        try:
            before = call.host.service(unit).unit_file_state
            _CHANGES[verb](call.host, unit)
            if now and verb in ("enable", "disable"):
                _CHANGES["start" if verb == "enable" else "stop"](call.host, unit)
        except UnitNotFound:
            if verb in ("enable", "disable"):
                return Reply(err=f"Failed to {verb} unit: Unit file {unit} does not exist.\n", code=1)
            return Reply(err=f"Failed to {verb} {unit}: Unit {unit} not found.\n", code=_NOT_INSTALLED)
        if call.host.service(unit).unit_file_state != before:
            notices += _link_notice(call, verb, unit)
    return Reply(err=notices)


def _read_units(call: Call) -> None:
    """Unit files that people have written or removed since."""
    folder = Path(call.on_disk("/etc/systemd/system"))
    written = {file.name: str(file) for file in folder.glob("*.service")}
    services = call.host.services
    for name, path in written.items():
        unit = name.removesuffix(".service")
        if unit not in services:
            services[unit] = Service(unit, unit, "", path, unit_file_state="disabled")
    for unit, service in list(services.items()):
        if service.fragment_path.startswith(str(folder)) and f"{unit}.service" not in written:
            del services[unit]


def _link_notice(call: Call, verb: str, unit: str) -> str:
    wanted = call.on_disk(f"/etc/systemd/system/multi-user.target.wants/{unit}")
    if verb == "enable":
        return f"Created symlink {wanted} → {call.on_disk(f'/etc/systemd/system/{unit}')}.\n"
    return f'Removed "{wanted}".\n'


# -- queries


def _is_active(call: Call, arguments: Arguments, units: list[str]) -> Reply:
    states = [_state(call.host, unit) for unit in units]
    out = "" if arguments.has("-q", "--quiet") else "".join(f"{state}\n" for state in states)
    return Reply(out, code=0 if "active" in states else _NOT_RUNNING)


def _is_failed(call: Call, arguments: Arguments, units: list[str]) -> Reply:
    states = [_state(call.host, unit) for unit in units]
    out = "" if arguments.has("-q", "--quiet") else "".join(f"{state}\n" for state in states)
    return Reply(out, code=0 if "failed" in states else 1)


def _is_enabled(call: Call, arguments: Arguments, units: list[str]) -> Reply:
    out = err = ""
    for unit in map(_full_name, units):
        try:
            out += f"{call.host.service(unit).unit_file_state}\n"
        except UnitNotFound:
            err += f"Failed to get unit file state for {unit}: No such file or directory\n"
    enabled = "enabled" in out.split()
    return Reply("" if arguments.has("-q", "--quiet") else out, err, 0 if enabled else 1)


def _state(host: Host, unit: str) -> str:
    try:
        return host.service(unit).active_state
    except UnitNotFound:
        return "inactive"


def _show(call: Call, arguments: Arguments, units: list[str]) -> Reply:
    wanted = arguments.every("-p", "--property", "-P")
    value_only = arguments.has("--value", "-P")
    blocks = []
    for unit in map(_full_name, units):
        properties = _properties(call, unit)
        names = [name for name in properties if not wanted or name in wanted]
        shown = [properties[name] if value_only else f"{name}={properties[name]}" for name in names]
        blocks.append("".join(f"{line}\n" for line in shown))
    return Reply("\n".join(blocks))


def _properties(call: Call, unit: str) -> dict[str, str]:
    """In systemd's own order, whatever order was asked for."""
    try:
        service = call.host.service(unit)
    except UnitNotFound:
        service = Service(unit.removesuffix(".service"), unit, "", "", load_state="not-found", unit_file_state="")
    found = service.load_state != "not-found"
    return {
        "Type": "simple" if found else "",
        "Restart": "always" if found else "no",
        "MainPID": str(service.main_pid),
        "Result": service.result,
        "NRestarts": str(service.n_restarts),
        "ExecMainStartTimestamp": _long_time(service.active_enter),
        "ExecMainCode": str(service.exec_main_code),
        "ExecMainStatus": str(service.exec_main_status),
        "ExecStart": _exec_start(call, service),
        "Id": unit,
        "Names": unit,
        "Description": service.description,
        "LoadState": service.load_state,
        "ActiveState": service.active_state,
        "SubState": service.sub_state,
        "FragmentPath": call.on_disk(service.fragment_path) if service.fragment_path else "",
        "UnitFileState": service.unit_file_state,
        "UnitFilePreset": "enabled" if found else "",
        "ActiveEnterTimestamp": _long_time(service.active_enter),
        "ActiveExitTimestamp": _long_time(service.active_exit),
    }


def _exec_start(call: Call, service: Service) -> str:
    if not service.exec_start:
        return ""
    program = service.exec_start.split()[0]
    return f"{{ path={program} ; argv[]={_command_line(call, service)} ; ignore_errors=no ; pid={service.main_pid} }}"


def _command_line(call: Call, service: Service) -> str:
    program, *rest = service.exec_start.split()
    return " ".join([program, *(call.on_disk(word) if word.startswith("/") else word for word in rest)])


def _cat(call: Call, _arguments: Arguments, units: list[str]) -> Reply:
    out = err = ""
    for unit in map(_full_name, units):
        try:
            path = call.on_disk(call.host.service(unit).fragment_path)
            with open(path, encoding="utf-8") as file:
                out += f"# {path}\n{file.read()}"
        except (UnitNotFound, OSError):
            err += f"No files found for {unit}.\n"
    return Reply(out, err, 1 if err else 0)


def _list_units(call: Call, _arguments: Arguments, _units: list[str]) -> Reply:
    head = f"  {'UNIT':<24} LOAD   ACTIVE SUB     DESCRIPTION\n"
    rows = "".join(
        f"  {name + '.service':<24} {s.load_state:<6} {s.active_state:<6} {s.sub_state:<7} {s.description}\n"
        for name, s in sorted(call.host.services.items())
        if s.active
    )
    return Reply(head + rows)


def _status(call: Call, arguments: Arguments, units: list[str]) -> Reply:
    count = int(arguments.last("-n", "--lines", default=str(_STATUS_LINES)) or _STATUS_LINES)
    out, code = "", 0
    for unit in map(_full_name, units):
        try:
            service = call.host.service(unit)
        except UnitNotFound:
            return Reply(out, f"Unit {unit} could not be found.\n", _NO_SUCH_UNIT)
        out += _status_text(call, unit, service)
        lines = list(service.journal)[-count:] if count else []
        if lines:
            out += "\n" + "".join(format_short(line, call.host.name) + "\n" for line in lines)
        code = code or (0 if service.active else _NOT_RUNNING)
    return Reply(out, code=code)


_DOTS = {"active": "●", "activating": "●", "failed": "×"}


def _status_text(call: Call, unit: str, service: Service) -> str:
    now = call.host.clock()
    since = service.active_enter if service.active else service.active_exit
    fragment = call.on_disk(service.fragment_path)
    sub = f"{service.sub_state}) (Result: {service.result}" if service.result != "success" else service.sub_state
    lines = [
        f"{_DOTS.get(service.active_state, '○')} {unit}"
        + (f" - {service.description}" if service.description != unit else ""),
        f"     Loaded: {service.load_state} ({fragment}; {service.unit_file_state}; preset: enabled)",
        f"     Active: {service.active_state} ({sub})"
        + (f" since {_long_time(since)}; {_ago(now - since)} ago" if since else ""),
    ]
    command = _command_line(call, service)
    if service.active:
        lines += [
            f"   Main PID: {service.main_pid} ({service.name})",
            f"     CGroup: /system.slice/{unit}",
            f"             └─{service.main_pid} {command}",
        ]
    elif service.exec_main_code:
        status = service.exec_main_status
        ended = f"code=exited, status={'0/SUCCESS' if status == 0 else f'{status}/FAILURE'}"
        pid = next((line.pid for line in reversed(service.journal) if line.identifier == service.name), 0)
        lines += [
            f"   Duration: {_duration(service.active_exit - service.active_enter)}",
            f"    Process: {pid} ExecStart={command} ({ended})",
            f"   Main PID: {pid} ({ended})",
        ]
    return "".join(f"{line}\n" for line in lines)


_QUERIES: dict[str, Callable[[Call, Arguments, list[str]], Reply]] = {
    "is-active": _is_active,
    "is-failed": _is_failed,
    "is-enabled": _is_enabled,
    "show": _show,
    "status": _status,
    "cat": _cat,
    "list-units": _list_units,
}


def _full_name(unit: str) -> str:
    return unit if "." in unit else f"{unit}.service"


def _long_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC") if at else ""


def _ago(seconds: float) -> str:
    """As systemd shortens an age: the two largest units, only minutes between 2 and 59 minutes."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole % 86400 // 3600, whole % 3600 // 60
    if days:
        return f"{days} day{'s' if days > 1 else ''}"
    if hours:
        return f"{hours}h" + (f" {minutes}min" if minutes else "")
    if minutes >= 5:
        return f"{minutes}min"
    return (f"{minutes}min " if minutes else "") + f"{whole % 60}s"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}min {rest:.3f}s" if minutes else f"{rest:.3f}s"

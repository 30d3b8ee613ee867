"""The loop that hosts run, and the readings of what it prints: every shell and runtime, cut anywhere, hostile names."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kedge.top import proc
from kedge.top.frames import Frame, FrameReader
from kedge.top.host import HostReader, HostSample
from kedge.top.owners import Named, Owner, counters, names, owner_of, owners
from kedge.top.script import INTERVALS, render

UID, ID = "0f3c5a1e-9d0b-4f3a-8d4e-1b2c3d4e5f60", "ab" * 32
SLICE = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"


# ------------------------------------------------------------------------------------------------ the loop


def shells() -> list[list[str]]:
    known = [["dash"], ["busybox", "sh"], ["bash", "--posix"]]
    return [shell for shell in known if shutil.which(shell[0])]


def ran(shell: list[str], frames: int = 1) -> bytes:
    script = render("abc", 1).replace("frames=14400", f"frames={frames}").replace("sleep 1;", "sleep 0.2;")
    return subprocess.run([*shell, "-s"], input=script.encode(), capture_output=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("shell", shells(), ids=" ".join)
def test_every_shell_runs_the_loop(shell: list[str]) -> None:
    reader, host = FrameReader("abc"), HostReader()
    samples = [host.read(frame) for frame in reader.feed(ran(shell, 2))]
    assert len(samples) == 2
    assert (reader.noise, reader.cut) == ("", 0)
    first, second = samples
    assert first is not None
    assert second is not None
    assert first.cpu is None, "a share needs two frames"
    assert second.cpu is not None
    assert 0 <= second.cpu.busy <= 1
    assert second.core_count == len(second.cores) > 0
    assert second.memory.total > second.memory.available > 0
    assert any(disk.mount == "/" for disk in second.disks)
    assert second.whole
    assert any(process.cpu is not None for process in second.processes)


def test_the_loop_is_clean_in_the_strictest_shell(tmp_path: Path) -> None:
    script = tmp_path / "loop.sh"
    script.write_text(render("abc", 2))
    checked = subprocess.run(["dash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert checked.stderr == ""
    tools = {"cat", "df", "getconf", "grep", "ls", "sed", "sleep", "sort", "uname"}
    assert tools <= set(script.read_text().split())


def test_only_whole_seconds_are_slept() -> None:
    assert all(f"interval={seconds} " in render("abc", seconds) for seconds in INTERVALS)


# --------------------------------------------------------------------------------------------------- frames

STREAM = (
    b"Welcome!\n#n begin 1\n#n time\n12.50 3.00\n#n processes\n7 S 1 2 3 4 5 #x end 1\n#n end 1\n"
    b"#n begin 2\n#n time\n14.50 3.00\n#n end 2\n"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_where_the_stream_is_cut_makes_no_difference(cuts: list[int]) -> None:
    reader = FrameReader("n")
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [frame for start, end in pairwise(edges) for frame in reader.feed(STREAM[start:end])]
    assert found == FrameReader("n").feed(STREAM)
    assert [frame.number for frame in found] == [1, 2]
    assert found[0].get("processes") == "7 S 1 2 3 4 5 #x end 1"
    assert reader.noise == "Welcome!"


def test_a_frame_that_broke_off_is_dropped_and_the_next_one_counts() -> None:
    reader = FrameReader("n")
    broken = STREAM.replace(b"#n end 1\n", b"")
    assert [frame.number for frame in reader.feed(broken)] == [2]
    assert reader.cut == 1
    assert reader.feed(b"#n begin 3\n#n end 4\n#n end 3\n") == []


def test_a_frame_without_end_takes_no_memory() -> None:
    reader = FrameReader("n")
    reader.feed(b"#n begin 1\n#n processes\n")
    for _ in range(10):
        assert reader.feed(b"x" * 999_999 + b"\n") == []
    assert reader.cut == 1
    assert reader.feed(b"y" * 9_000_000) == []
    assert [frame.number for frame in reader.feed(b"\n#n begin 2\n#n end 2\n")] == [2]


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange_for_frames(data: bytes) -> None:
    reader = FrameReader("n")
    reader.feed(data)
    assert [frame.number for frame in reader.feed(b"\n#n begin 5\n#n end 5\n")] == [5]


# ------------------------------------------------------------------------------------------------- readings


@given(st.text(max_size=400))
@example("cpu 1 2 3 " + "9" * 5000)
@example("MemTotal: ² kB")
@example("7 S 1 2 3 4 -5 name\x1b[31m")
def test_no_text_is_too_strange_for_a_reading(text: str) -> None:
    sections = ("time", "about", "page", "ticks", "containers", "pods", "disks", "inodes", "owners", "load", "cpu",
                "memory", "net", "stalls", "heat", "usage", "processes")  # fmt: skip
    reader = HostReader()
    reader.read(Frame(1, dict.fromkeys(sections, text)))
    sample = reader.read(Frame(2, dict.fromkeys(sections, text) | {"time": "5.0 1.0"}))
    assert isinstance(sample, HostSample)


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=15))
def test_a_process_may_be_called_anything(name: str) -> None:
    sample = HostReader().read(Frame(1, {"time": "5.0 1.0", "processes": f"42 R 10 5 3 100 25 {name}"}))
    assert sample is not None
    assert [(process.pid, process.name) for process in sample.processes] == [(42, name)]


def test_shares_and_rates_are_between_two_frames() -> None:
    def frame(time: float, busy: int, idle: int, ticks: int, received: int) -> Frame:
        net = f"  eth0: {received} 5 0 0 0 0 0 0 100 6 0 0 0 0 0 0\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0"
        cpu = f"cpu  {busy} 0 0 {idle} 20 0 0 0 0 0\ncpu0 {busy} 0 0 {idle} 20 0 0 0 0 0"
        sections = {"time": f"{time} 1.0", "cpu": cpu, "net": net, "processes": f"9 R {ticks} 0 1 77 10 gateway"}
        return Frame(1, {**sections, "about": "Linux 5.4 armv7l", "page": "16384", "ticks": "100"})

    reader = HostReader()
    first, second = reader.read(frame(100, 100, 300, 50, 1000)), reader.read(frame(102, 150, 450, 150, 5000))
    assert first is not None
    assert second is not None
    assert second.cpu is not None
    assert second.cpu.busy == pytest.approx(0.25)
    assert second.nets[0].received == pytest.approx(2000)
    assert [net.name for net in second.nets] == ["eth0"]
    assert second.processes[0].cpu == pytest.approx(0.5)
    assert second.processes[0].memory == 163_840
    assert first.processes[0].cpu is None
    again = reader.read(Frame(3, {"time": "104.0 1.0", "processes": "9 R 400 0 1 9999 10 other"}))
    assert again is not None
    assert again.processes[0].cpu is None, "another process has got the number"


def test_memory_is_what_free_says() -> None:
    told = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nBuffers: 50 kB\nCached: 300 kB\n"
    told += "SwapTotal: 10 kB\nSwapFree: 4 kB"
    assert proc.memory(told).used == 600 * 1024
    assert proc.memory(told).swap_used == 6 * 1024
    old = told.replace("MemAvailable: 400 kB\n", "")
    assert proc.memory(old).available == 450 * 1024, "estimated on an old kernel"


def test_disks_of_gnu_and_busybox() -> None:
    gnu = "Filesystem     1024-blocks  Used Available Capacity Mounted on\n"
    gnu += "/dev/sda1   1000 600 200 75% /\n/dev/sdb 10 5 5 50% /mnt/a b\n"
    assert [(disk.mount, disk.share) for disk in proc.disks(gnu)] == [("/", 0.75), ("/mnt/a b", 0.5)]
    inodes = "Filesystem              Inodes      Used Available Capacity Mounted on\n"
    inodes += "/dev/vda 100 4 96 4% /\n/dev/x 0 0 0 - /boot\n"
    assert [(disk.mount, disk.used) for disk in proc.disks(inodes, 1)] == [("/", 4)]


def test_stalls_and_heat() -> None:
    told = "".join(f"/proc/pressure/io:{kind} avg60=1.00 total=9\n" for kind in ("some avg10=12.50", "full avg10=2.00"))
    assert proc.stalls(told) == (proc.Stall("io", 0.125, 0.02),)
    zone = "/sys/class/thermal/thermal_zone"
    zones = f"{zone}0/type:cpu-thermal\n{zone}0/temp:61500\n{zone}1/temp:-274000\n{zone}2/type:gpu\n{zone}2/temp:70000"
    assert proc.heat(zones) == (proc.Heat("gpu", 70.0), proc.Heat("cpu-thermal", 61.5))
    assert proc.page_size("KernelPageSize:       64 kB") == 65_536
    assert proc.page_size("") == 4096


# ---------------------------------------------------------------------------------------------------- owners


@pytest.mark.parametrize(
    "cgroup",
    [
        f"/kubepods.slice/kubepods-burstable.slice/{SLICE}/cri-containerd-{ID}.scope",
        f"/kubepods.slice/{SLICE}/crio-{ID}.scope",
        f"/kubepods.slice/{SLICE}/docker-{ID}.scope/init",
        f"/kubepods/burstable/pod{UID}/{ID}",
        f"/kubepods/pod{UID}/{ID}",
        f"/system.slice/containerd.service/{SLICE}:cri-containerd:{ID}",
        f"/k8s.io/kubepods/besteffort/pod{UID}/{ID}",
    ],
)
def test_every_runtime_names_its_pod_and_container(cgroup: str) -> None:
    assert owner_of(cgroup) == Owner(UID, ID)


def test_what_is_no_container_has_no_owner() -> None:
    assert owner_of("/system.slice/edgecore.service") is None
    assert owner_of("/user.slice/user-1000.slice/podcast.service") is None
    assert owner_of(f"/docker/{ID}") == Owner("", ID)
    assert owner_of(f"/machine.slice/libpod-{ID}.scope") == Owner("", ID)
    assert owner_of("/kubepods/pod" + "1" * 32 + f"/{ID}") == Owner("1" * 32, ID), "a static pod"


def test_owners_by_process_in_both_hierarchies() -> None:
    told = f"/proc/41/cgroup:0::/kubepods/pod{UID}/{ID}\n/proc/7/cgroup:4:memory:/kubepods/pod{UID}/{'cd' * 32}\n"
    told += f"/proc/7/cgroup:0::/{ID}"
    assert owners(told) == {41: Owner(UID, ID), 7: Owner(UID, "cd" * 32)}


def test_names_come_from_the_kubelets_own_folders_or_the_api() -> None:
    known = names(f"gw-1_factory_gateway-{ID}.log\nnonsense\n", f"factory_gw-1_{UID}\n")
    assert known.of(Owner(UID, ID)) == Named("factory", "gw-1", "gateway")
    assert known.of(Owner(UID, "ff" * 32)) == Named("factory", "gw-1", "")
    assert known.of(Owner("x", "")) == Named()
    assert known.of(Owner("x", ""), {"x": ("ns", "pod")}) == Named("ns", "pod", "")


def test_containers_are_counted_as_the_kubelet_counts() -> None:
    two = f"/sys/fs/cgroup/kubepods/pod{UID}/{ID}"
    assert counters(
        f"{two}/memory.current:5000\n{two}/memory.stat:inactive_file 1000\n{two}/cpu.stat:usage_usec 2500000"
    ) == {Owner(UID, ID): counters_of(2_500_000_000, 4000)}
    one, cpu = f"/sys/fs/cgroup/memory/kubepods/pod{UID}/{ID}", f"/sys/fs/cgroup/cpuacct/kubepods/pod{UID}/{ID}"
    stat = f"{one}/memory.stat:inactive_file 7\n{one}/memory.stat:total_inactive_file 1000"
    told = f"{one}/memory.usage_in_bytes:5000\n{stat}\n{cpu}/cpuacct.usage:77"
    assert counters(told) == {Owner(UID, ID): counters_of(77, 4000)}


def counters_of(cpu: int, memory: int) -> object:
    from kedge.top.owners import Counters

    return Counters(cpu, memory)

"""The executor: what it refuses, in what order it works, and what it says when things go wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from kedge.execute.files import digest
from kedge.executor import Preview, Progress, Refused, Result, StepState
from kedge.i18n import Text
from kedge.model import Approval, LinkError, Reason, Unknown
from kedge.steps import EditYaml, NatRule, ServiceAction
from tests.unit.executor_fakes import Bench, FakeHost, FakeUnit, FakeWriters, approve, losing, lost, plan_of

CONFIG = "/etc/kubeedge/config/edgecore.yaml"
BEFORE = b"# of edge1\nmodules:\n  edgeHub:\n    token: abc.def\n  edgeStream:\n    enable: false  # off\n"
AFTER = BEFORE.replace(b"enable: false", b"enable: true")
BACKUP = f"{CONFIG}.kedge-backup-20261122T025100Z"
EDIT = EditYaml("edge1", CONFIG, (("modules.edgeStream.enable", True),), (("modules.edgeStream.enable", False),))
RESTART = ServiceAction("edge1", "edgecore", "restart")
SPEC = ("-p", "tcp", "--dport", "10351", "-j", "DNAT", "--to-destination", "10.99.0.10:10003")
PLAN = plan_of(EDIT, RESTART)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    edge = FakeHost("edge1", files={CONFIG: BEFORE}, units={"edgecore": FakeUnit()})
    return Bench(tmp_path / "audit.jsonl", FakeWriters({"edge1": edge}))


async def applied(bench: Bench, preview: Preview) -> tuple[object, list[Progress]]:
    seen: list[Progress] = []
    return await bench.executor.apply(preview, approve(preview), seen.append), seen


# ------------------------------------------------------------------------------------------------ preview


async def test_a_preview_shows_the_diff_the_command_the_user_and_the_backup(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    edit, restart = preview.steps
    assert "-    enable: false  # off\n+    enable: true  # off" in edit.body
    assert "abc.def" not in preview.text()
    assert str(edit.user) == "root, by sudo from oncall"
    assert BACKUP in str(edit.notes[0])
    assert restart.body == "$ systemctl restart edgecore"
    assert bench.host("edge1").changes == []


async def test_a_preview_as_root_names_root_only(bench: Bench) -> None:
    bench.host("edge1").login = "root"
    assert str((await bench.executor.preview(PLAN)).steps[0].user) == "root"


async def test_the_script_is_what_a_person_would_run(bench: Bench) -> None:
    script = (await bench.executor.preview(PLAN)).script()
    assert f"{digest(BEFORE)}  {CONFIG}" in script
    assert "sed -i -e '6s/.*/    enable: true  # off/'" in script
    assert script.rstrip().endswith("systemctl restart edgecore")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(BEFORE.replace(b"false", b"true"), "is true, not false", id="value-changed"),
        pytest.param(b"modules: [\n", "does not parse", id="broken"),
        pytest.param(BEFORE.replace(b"enable: false", b"enable: 'false'"), "'false', not false", id="type-changed"),
        pytest.param(b"modules: {}\n", "is absent, not false", id="key-gone"),
    ],
)
async def test_a_file_that_is_not_as_planned_on_is_refused(bench: Bench, content: bytes, words: str) -> None:
    bench.host("edge1").files[CONFIG] = content
    with pytest.raises(Refused, match=words):
        await bench.executor.preview(PLAN)


async def test_what_does_not_exist_is_refused_with_its_name(bench: Bench) -> None:
    with pytest.raises(Refused, match=r"no systemd unit ghost"):
        await bench.executor.preview(plan_of(ServiceAction("edge1", "ghost", "restart")))
    del bench.host("edge1").files[CONFIG]
    with pytest.raises(Refused, match=r"no /etc/kubeedge/config/edgecore.yaml on edge1"):
        await bench.executor.preview(PLAN)


async def test_a_masked_unit_is_refused(bench: Bench) -> None:
    bench.host("edge1").units["edgecore"].load = "masked"
    with pytest.raises(Refused, match="masked"):
        await bench.executor.preview(PLAN)


async def test_missing_sudo_is_found_before_the_first_step(bench: Bench) -> None:
    bench.host("edge1").sudo = False
    with pytest.raises(Refused, match="sudo on edge1 refuses"):
        await bench.executor.preview(PLAN)


async def test_an_unreachable_host_is_refused_with_the_links_own_sentence(bench: Bench) -> None:
    def fault(words: tuple[str, ...]) -> None:
        raise lost("edge1 does not answer on port 22")

    bench.host("edge1").fault = fault
    with pytest.raises(Refused, match="edge1 does not answer on port 22"):
        await bench.executor.preview(PLAN)


async def test_a_secret_is_never_written(bench: Bench) -> None:
    with pytest.raises(Refused, match="is a secret"):
        await bench.executor.preview(plan_of(EditYaml("edge1", CONFIG, (("modules.edgeHub.token", "x"),))))


# -------------------------------------------------------------------------------------------------- apply


async def test_applying_backs_up_edits_restarts_and_unlocks(bench: Bench) -> None:
    edge = bench.host("edge1")
    outcome, seen = await applied(bench, await bench.executor.preview(PLAN))
    assert outcome.result is Result.DONE
    assert outcome.can_undo
    assert edge.files == {CONFIG: AFTER, BACKUP: BEFORE}
    assert edge.changes == [("cp", "-p", "--", CONFIG, BACKUP), ("write", CONFIG), ("systemctl", "restart", "edgecore")]
    assert edge.locks == {}
    assert [p.state for p in seen if p.text is None] == [
        StepState.RUNNING, StepState.DONE, StepState.RUNNING, StepState.DONE,
    ]  # fmt: skip


async def test_read_only_is_refused_wherever_something_would_change(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    outcome, _seen = await applied(bench, preview)
    bench.read_only = True
    before = len(bench.host("edge1").commands)
    for refused in (
        bench.executor.apply(preview, approve(preview), lambda _progress: None),
        bench.executor.find_out(outcome.id),
    ):
        with pytest.raises(Refused, match="read-only"):
            await refused
    assert len(bench.host("edge1").commands) == before


async def test_read_only_the_plan_is_shown_all_the_same(bench: Bench) -> None:
    allowed = await bench.executor.preview(PLAN)
    bench.read_only = True
    preview = await bench.executor.preview(PLAN)
    assert (preview.text(), preview.script()) == (allowed.text(), allowed.script())
    with pytest.raises(Refused, match="read-only"):
        await bench.executor.apply(preview, approve(preview), lambda _progress: None)
    assert bench.host("edge1").changes == []


async def test_an_approval_of_something_else_is_refused(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    with pytest.raises(Refused, match="not what was shown"):
        await bench.executor.apply(preview, Approval(PLAN.digest(), "ann", "y"), lambda _progress: None)
    assert bench.host("edge1").changes == []


async def test_the_digest_covers_what_was_seen_not_only_the_plan(bench: Bench) -> None:
    first = await bench.executor.preview(PLAN)
    bench.host("edge1").files[CONFIG] = BEFORE + b"# more\n"
    second = await bench.executor.preview(PLAN)
    assert first.plan.digest() == second.plan.digest()
    assert first.digest != second.digest


async def test_a_file_that_changed_since_it_was_shown_is_refused(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    bench.host("edge1").files[CONFIG] = BEFORE + b"# somebody was here\n"
    with pytest.raises(Refused, match="changed since it was shown"):
        await applied(bench, preview)
    assert bench.host("edge1").changes == []
    assert bench.host("edge1").locks == {}
    assert bench.audit.read().entries == ()


async def test_a_crash_looping_service_can_still_be_restarted(bench: Bench) -> None:
    preview = await bench.executor.preview(plan_of(RESTART))
    bench.host("edge1").units["edgecore"].start()  # another pid than the one that was shown
    outcome, _seen = await applied(bench, preview)
    assert outcome.result is Result.DONE


async def test_two_operators_at_once(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other.jsonl", bench.writers, who="bob")
    edge = bench.host("edge1")
    preview = await other.executor.preview(PLAN)
    held: list[str] = []

    def after(words: tuple[str, ...]) -> None:
        if words == ("write", CONFIG):
            held.extend(edge.locks)

    edge.after = after
    edge.locks["/etc/kubeedge/config/edgecore.yaml.kedge-lock"] = f"token=x\nwho=ann@hq\nuntil={edge.now + 60}\n"
    with pytest.raises(Refused, match="ann@hq is repairing this on edge1 right now"):
        await other.executor.apply(preview, approve(preview, "bob"), lambda _progress: None)
    assert edge.changes == []
    edge.now += 61  # the lock of a program that died expires
    assert (await other.executor.apply(preview, approve(preview, "bob"), lambda _progress: None)).result is Result.DONE
    assert sorted(held) == [f"{CONFIG}.kedge-lock", "kedge-tui.edge1_edgecore.lock"]


async def test_the_same_repair_rests_for_a_while_unless_it_was_taken_back(bench: Bench) -> None:
    restart = plan_of(ServiceAction("edge1", "edgecore", "stop"), verify=("KE204",))

    async def again() -> None:
        bench.host("edge1").units["edgecore"].active = "active"
        preview = await bench.executor.preview(restart)
        await bench.executor.apply(preview, approve(preview), lambda _progress: None)

    await again()
    await bench.clock.sleep(4.0)
    with pytest.raises(Refused, match="only just now; give it 11 s more"):
        await again()
    (entry,) = (await bench.executor.history()).entries
    undo = await bench.executor.undo_preview(entry.id)
    bench.host("edge1").units["edgecore"].active = "inactive"
    undo = await bench.executor.undo_preview(entry.id)
    await bench.executor.apply(undo, approve(undo), lambda _progress: None)
    await again()
    with pytest.raises(Refused, match="only just now"):
        await again()
    await bench.clock.sleep(16.0)
    await again()


async def test_one_repair_per_target_in_this_program(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    refusals: list[str] = []

    async def again() -> None:
        with pytest.raises(Refused, match="running already") as caught:
            await bench.executor.apply(preview, approve(preview), lambda _progress: None)
        refusals.append(str(caught.value))

    original = bench.host("edge1").write

    async def write(path: str, data: bytes, *, deadline: float) -> None:
        await again()
        await original(path, data, deadline=deadline)

    bench.host("edge1").write = write  # type: ignore[method-assign]
    await applied(bench, preview)
    assert len(refusals) == 1


async def test_an_audit_that_cannot_be_written_means_nothing_is_changed(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    bench.audit.path.mkdir()
    with pytest.raises(Refused, match=r"audit log .* cannot be written.* Nothing was changed"):
        await applied(bench, preview)
    assert bench.host("edge1").changes == []
    assert bench.host("edge1").locks == {}


async def test_the_intent_is_on_disk_before_the_first_change(bench: Bench) -> None:
    seen: list[list[str]] = []

    def fault(words: tuple[str, ...]) -> None:
        if words[0] == "cp":
            seen.append([json.loads(line)["event"] for line in bench.audit.path.read_text().splitlines()])

    bench.host("edge1").fault = fault
    await applied(bench, await bench.executor.preview(PLAN))
    assert seen == [["intent", "step"]]
    assert stat.S_IMODE(bench.audit.path.stat().st_mode) == 0o600


async def test_what_is_there_already_is_left_alone(bench: Bench) -> None:
    bench.host("edge1").files[CONFIG] = AFTER
    plan = plan_of(EditYaml("edge1", CONFIG, EDIT.changes))
    preview = await bench.executor.preview(plan)
    assert preview.idle
    outcome, _seen = await applied(bench, preview)
    assert [s.state for s in outcome.steps] == [StepState.ALREADY]
    assert not outcome.can_undo
    assert bench.host("edge1").changes == []


# ------------------------------------------------------------------------------------------------- trouble


async def test_a_failing_step_stops_and_offers_to_undo_what_is_done(bench: Bench) -> None:
    plan = plan_of(EDIT, NatRule("edge1", "default", "OUTPUT", SPEC), RESTART)
    preview = await bench.executor.preview(plan)

    def fault(words: tuple[str, ...]) -> None:
        if "-A" in words:
            raise LinkError(Unknown(Reason.DENIED, Text("Operation not permitted")))

    bench.host("edge1").fault = fault
    outcome, _seen = await applied(bench, preview)
    assert outcome.result is Result.FAILED
    assert [s.state for s in outcome.steps] == [StepState.DONE, StepState.FAILED, StepState.NOT_RUN]
    assert outcome.can_undo
    assert "Step 2 of 3" in str(outcome.text)
    assert "Operation not permitted" in str(outcome.text)
    assert "Done: Edit /etc/kubeedge/config/edgecore.yaml on edge1. Not run: Restart edgecore" in str(outcome.text)


async def test_a_service_that_does_not_come_up_is_said(bench: Bench) -> None:
    bench.host("edge1").units["edgecore"].starts_as = "failed"
    outcome, _seen = await applied(bench, await bench.executor.preview(PLAN))
    assert outcome.result is Result.FAILED
    assert outcome.steps[1].state is StepState.INEFFECTIVE
    assert "edgecore on edge1 is failed after its restart" in str(outcome.text)


async def test_an_unfaithful_backup_stops_before_the_write(bench: Bench) -> None:
    edge = bench.host("edge1")

    def after(words: tuple[str, ...]) -> None:
        if words[0] == "cp":
            edge.files[BACKUP] = b""  # a full disk

    edge.after = after
    outcome, _seen = await applied(bench, await bench.executor.preview(PLAN))
    assert outcome.result is Result.FAILED
    assert edge.files[CONFIG] == BEFORE
    assert not outcome.can_undo


@pytest.mark.parametrize("words", [("cp",), ("write", CONFIG), ("systemctl", "restart")])
@pytest.mark.parametrize("before", [True, False], ids=["before-it-ran", "after-it-ran"])
async def test_a_connection_lost_in_a_step_is_found_out(bench: Bench, words: tuple[str, ...], before: bool) -> None:
    edge = bench.host("edge1")
    preview = await bench.executor.preview(PLAN)
    with losing(edge, *words, before=before):
        outcome, _seen = await applied(bench, preview)
    really_written = words[0] == "systemctl" or (words[0] == "write" and not before)
    assert edge.files[CONFIG] == (AFTER if really_written else BEFORE)
    if really_written and not (words[0] == "systemctl" and before):
        assert outcome.result is Result.DONE
    else:
        assert outcome.result is Result.FAILED
        failed = next(s for s in outcome.steps if s.state is StepState.FAILED)
        assert "nothing was changed by this step: the connection was lost" in str(failed.text)
    assert outcome.can_undo == really_written
    assert edge.locks == {}


async def test_a_connection_that_stays_away_leaves_the_outcome_unknown(bench: Bench) -> None:
    edge = bench.host("edge1")
    preview = await bench.executor.preview(PLAN)
    with losing(edge, "write", CONFIG, back_after=10_000):
        outcome, _seen = await applied(bench, preview)
    assert outcome.result is Result.UNKNOWN
    assert [s.state for s in outcome.steps] == [StepState.UNKNOWN, StepState.NOT_RUN]
    assert "not known whether it was done" in str(outcome.text)
    assert any("could not be removed; it expires" in str(problem) for problem in outcome.problems)
    history = await bench.executor.history()
    assert [entry.id for entry in history.unfinished()] == [outcome.id]
    entry = await bench.executor.find_out(outcome.id)
    assert [entry.state_of(0), entry.state_of(1)] == ["done", "not run"]
    assert entry.result == "partly done"
    assert (await bench.executor.history()).unfinished() == ()
    assert edge.locks, "nobody else may come between"
    undone, _seen = await applied(bench, await bench.executor.undo_preview(outcome.id))
    assert undone.result is Result.DONE
    assert edge.files[CONFIG] == BEFORE
    again, _seen = await applied(bench, await bench.executor.preview(PLAN))
    assert (again.result, edge.locks) == (Result.DONE, {})


async def test_somebody_elses_content_after_a_lost_link_is_unknown(bench: Bench) -> None:
    edge = bench.host("edge1")
    preview = await bench.executor.preview(PLAN)
    with losing(edge, "write", CONFIG, before=True, back_after=3):
        edge.commands.clear()
        bench.clock.after(1, lambda: edge.files.update({CONFIG: b"other: true\n"}))
        outcome, _seen = await applied(bench, preview)
    assert outcome.result is Result.UNKNOWN
    assert "neither the old nor the new" in str(outcome.steps[0].text)


async def test_stopping_between_steps(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    outcome = await bench.executor.apply(preview, approve(preview), lambda _p: None, stop=lambda: True)
    assert outcome.result is Result.STOPPED
    assert [s.state for s in outcome.steps] == [StepState.DONE, StepState.NOT_RUN]
    assert outcome.can_undo


# --------------------------------------------------------------------------------------------------- undo


async def test_undo_restores_the_file_byte_for_byte_and_restarts(bench: Bench) -> None:
    edge = bench.host("edge1")
    outcome, _seen = await applied(bench, await bench.executor.preview(PLAN))
    bench.clock.passed += 60
    preview = await bench.executor.undo_preview(outcome.id)
    assert "+    enable: false  # off" in preview.steps[0].body
    assert [str(s.title) for s in preview.steps][1] == "Restart edgecore on edge1"
    pid = edge.units["edgecore"].pid
    undone, _seen = await applied(bench, preview)
    assert undone.result is Result.DONE
    assert edge.files[CONFIG] == BEFORE
    assert edge.units["edgecore"].pid == pid + 1
    entry = (await bench.executor.history()).entry(outcome.id)
    assert entry is not None
    assert entry.undone_by == undone.id
    with pytest.raises(Refused, match="undone already"):
        await bench.executor.undo_preview(outcome.id)
    again = await bench.executor.undo_preview(undone.id)  # and an undo can be taken back too
    await applied(bench, again)
    assert edge.files[CONFIG] == AFTER


async def test_undo_without_its_backup_gives_the_same_bytes(bench: Bench) -> None:
    outcome, _seen = await applied(bench, await bench.executor.preview(PLAN))
    del bench.host("edge1").files[BACKUP]
    preview = await bench.executor.undo_preview(outcome.id)
    assert "the backup is gone" in str(preview.steps[0].notes[0])
    await applied(bench, preview)
    assert bench.host("edge1").files[CONFIG] == BEFORE


async def test_undo_of_another_versions_change_is_refused(bench: Bench) -> None:
    outcome, _seen = await applied(bench, await bench.executor.preview(PLAN))
    bench.path.write_text(bench.path.read_text().replace('"step":"RestoreFile"', '"step":"PutBack"'))
    with pytest.raises(Refused, match="made by another version"):
        await bench.executor.undo_preview(outcome.id)


async def test_undo_is_refused_when_the_file_changed_since(bench: Bench) -> None:
    outcome, _seen = await applied(bench, await bench.executor.preview(PLAN))
    bench.host("edge1").files[CONFIG] = AFTER + b"# mine\n"
    with pytest.raises(Refused, match="changed after the repair"):
        await bench.executor.undo_preview(outcome.id)


async def test_undo_of_a_part(bench: Bench) -> None:
    preview = await bench.executor.preview(PLAN)
    with losing(bench.host("edge1"), "systemctl", "restart", before=True):
        outcome, _seen = await applied(bench, preview)
    undo = await bench.executor.undo_preview(outcome.id)
    assert [str(s.title) for s in undo.steps] == [f"Restore {CONFIG} on edge1 from its backup"]


async def test_a_nat_rule_is_inserted_once_and_taken_out_again(bench: Bench) -> None:
    edge = bench.host("edge1")
    first, shadow = ["-d", "10.43.0.1/32", "-j", "DNAT"], ["-p", "tcp", "--dport", "10351", "-j", "ACCEPT"]
    edge.chains["OUTPUT"] = [first, shadow]
    plan = plan_of(NatRule("edge1", "default", "OUTPUT", SPEC, before=2, was=" ".join(shadow)))
    preview = await bench.executor.preview(plan)
    assert f"$ iptables -w 5 -t nat -I OUTPUT 2 {' '.join(SPEC)}" in preview.steps[0].body
    assert f"+-A OUTPUT {' '.join(SPEC)}" in preview.steps[0].body
    outcome, _seen = await applied(bench, preview)
    assert edge.chains["OUTPUT"] == [first, list(SPEC), shadow]
    assert (await bench.executor.preview(plan_of(NatRule("edge1", "default", "OUTPUT", SPEC)))).idle
    await applied(bench, await bench.executor.undo_preview(outcome.id))
    assert edge.chains["OUTPUT"] == [first, shadow]


async def test_a_deleted_rule_comes_back_to_its_place(bench: Bench) -> None:
    edge = bench.host("edge1")
    edge.chains["OUTPUT"] = [["-j", "A"], list(SPEC), ["-j", "B"]]
    plan = plan_of(NatRule("edge1", "legacy", "OUTPUT", SPEC, "delete"))
    outcome, _seen = await applied(bench, await bench.executor.preview(plan))
    assert edge.chains["OUTPUT"] == [["-j", "A"], ["-j", "B"]]
    assert edge.changes[-1][0] == "iptables-legacy"
    await applied(bench, await bench.executor.undo_preview(outcome.id))
    assert edge.chains["OUTPUT"] == [["-j", "A"], list(SPEC), ["-j", "B"]]


async def test_a_rule_that_stands_too_far_down_is_inserted_all_the_same(bench: Bench) -> None:
    edge = bench.host("edge1")
    shadow = ["-p", "tcp", "-j", "RETURN"]
    edge.chains["OUTPUT"] = [shadow, ["-j", "A"], list(SPEC)]
    plan = plan_of(NatRule("edge1", "default", "OUTPUT", SPEC, before=1, was=" ".join(shadow)))
    outcome, _seen = await applied(bench, await bench.executor.preview(plan))
    assert edge.chains["OUTPUT"] == [list(SPEC), shadow, ["-j", "A"], list(SPEC)]
    assert (await bench.executor.preview(plan)).idle
    await applied(bench, await bench.executor.undo_preview(outcome.id))
    assert edge.chains["OUTPUT"] == [shadow, ["-j", "A"], list(SPEC)]


async def test_a_rule_is_found_as_iptables_spells_it(bench: Bench) -> None:
    saved = ["-p", "tcp", "-m", "tcp", *SPEC[2:]]
    bench.host("edge1").chains["OUTPUT"] = [["-j", "A"], saved]
    bench.host("edge1").chains["OUTPUT"].append(list(SPEC))  # what the fake's -C finds
    preview = await bench.executor.preview(plan_of(NatRule("edge1", "default", "OUTPUT", SPEC, "delete")))
    assert preview.steps[0].seen["position"] == 2
    assert f"--A OUTPUT {' '.join(saved)}" in preview.steps[0].body


async def test_a_table_that_changed_since_is_refused(bench: Bench) -> None:
    edge = bench.host("edge1")
    edge.chains["OUTPUT"] = [["-j", "A"]]
    step = NatRule("edge1", "default", "OUTPUT", SPEC, before=1, was="-j B")
    with pytest.raises(Refused, match="no longer the one the plan was made for"):
        await bench.executor.preview(plan_of(step))
    preview = await bench.executor.preview(plan_of(NatRule("edge1", "default", "OUTPUT", SPEC)))
    edge.chains["OUTPUT"].append(["-j", "C"])
    with pytest.raises(Refused, match="changed since it was shown"):
        await applied(bench, preview)


async def test_starting_and_enabling_is_undone_by_stopping_and_disabling(bench: Bench) -> None:
    unit = bench.host("edge1").units["edgecore"]
    unit.active, unit.enabled = "inactive", "disabled"
    plan = plan_of(ServiceAction("edge1", "edgecore", "start"), ServiceAction("edge1", "edgecore", "enable"))
    outcome, _seen = await applied(bench, await bench.executor.preview(plan))
    assert (unit.active, unit.enabled) == ("active", "enabled")
    await applied(bench, await bench.executor.undo_preview(outcome.id))
    assert (unit.active, unit.enabled) == ("inactive", "disabled")


async def test_a_restart_alone_has_nothing_to_undo(bench: Bench) -> None:
    outcome, _seen = await applied(bench, await bench.executor.preview(plan_of(RESTART)))
    assert not outcome.can_undo
    with pytest.raises(Refused, match="nothing that could be undone"):
        await bench.executor.undo_preview(outcome.id)
    with pytest.raises(Refused, match="knows no change"):
        await bench.executor.undo_preview("20200101T000000Z-000000")

"""Edges in groups and in the order of how badly they stand; marks of a range; filters by label."""

from __future__ import annotations

from dataclasses import replace

from kedge.model import Status
from kedge.picture import ComponentView, Picture
from tests.tui.conftest import Opener
from tests.tui.sites import CLOUD, FakeWorkbench, broken, picture, whole
from tui.arranging import NODE_GROUP, Arrangement, arrange
from tui.widgets.path_strip import PathStrip

EDGES = ("edge1", "edge2", "edge3", "edge4")
ZONES = {"edge1": "south", "edge2": "north", "edge3": "north"}


def labelled() -> Picture:
    """Four edges, the second broken, three in zones."""
    found = picture((*CLOUD, *whole("edge1"), *broken("edge2"), *whole("edge3"), *whole("edge4")), EDGES)

    def with_labels(view: ComponentView) -> ComponentView:
        if view.id != f"edge/{view.target}":
            return view
        zone = ZONES.get(view.target)
        own = (("arch", "arm64"), *((("zone", zone), (NODE_GROUP, f"group-{zone}")) if zone else ()))
        return replace(view, labels=own)

    return replace(found, components=tuple(with_labels(view) for view in found.components))


def ids(found: tuple[ComponentView, ...]) -> list[str]:
    return [view.id for view in found if view.id.count("/") < 2 and view.id.startswith("edge")]


def test_without_wishes_the_engines_order_stays() -> None:
    components = labelled().components
    assert arrange(components, Arrangement()) == components


def test_the_worst_comes_first_and_what_stands_alike_keeps_its_order() -> None:
    found = arrange(labelled().components, Arrangement(sort="status"))
    assert ids(found) == ["edge", "edge/edge2", "edge/edge1", "edge/edge3", "edge/edge4"]
    assert sorted(view.id for view in found) == sorted(view.id for view in labelled().components)


def test_groups_hold_their_edges_and_say_what_is_worst_in_them() -> None:
    found = arrange(labelled().components, Arrangement("zone", "status"))
    north, south, rest = "edge-group:north", "edge-group:south", "edge-group:"
    order = ["edge", north, "edge/edge2", "edge/edge3", rest, "edge/edge4", south, "edge/edge1"]
    assert ids(found) == order
    views = {view.id: view for view in found}
    assert views[north].rollup is Status.FAIL
    assert views[north].parent == "edge"
    assert str(views[north].label) == "north (2)"
    assert str(views[rest].label) == "without zone (1)"
    assert views["edge/edge2/tunnel"].parent == "edge/edge2"
    places = {view.id: number for number, view in enumerate(found)}
    assert all(places[view.parent] < places[view.id] for view in found if view.parent)


async def test_grouping_and_sorting_by_command_keep_the_cursor(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.fixed_picture = labelled()
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        await desk.command("node edge3")
        await desk.command("group zone")
        assert "north (2)" in desk.text
        assert tree.cursor == "edge/edge3"
        await desk.command("sort status")
        assert next(row.id for row in tree.rows if row.depth == 3 and row.id.startswith("edge/")) == "edge/edge2"
        tree.select("edge-group:north")
        await desk.until(lambda: "KE206" in desk.details, "the faults of the group")
        await desk.press("r")
        await desk.command("group nodegroup")
        assert "group-north (2)" in desk.text
        await desk.command("group colour")
        assert desk.toasts[-1] == "No edge node has the label colour"
        await desk.command("group none")
        assert "north" not in desk.text


async def test_filters_by_label_and_marks_of_a_range(at_desk: Opener, bench: FakeWorkbench) -> None:
    bench.fixed_picture = labelled()
    async with at_desk() as desk:
        tree = desk.app.main.tree_view
        await desk.press("slash")
        await desk.type("label:zone=n* status:fail")
        assert {row.id for row in tree.rows if row.depth > 2} == {f"edge/edge2/{part}" for part in PARTS}
        await desk.press("enter", "escape")
        await desk.command("node edge1")
        await desk.press("m")
        await desk.command("node edge3")
        await desk.press("M")
        assert tree.marked == {"edge/edge1", "edge/edge2", "edge/edge3"}
        await desk.press("r")
        site = bench.site
        assert site is not None
        await desk.until(lambda: site.reruns[-1:] == [("edge1", "edge2", "edge3")])


PARTS = ("edgestream", "tunnel", "kubectl")


async def test_at_rest_nothing_is_painted(at_desk: Opener, bench: FakeWorkbench) -> None:
    async with at_desk() as desk:
        painted: list[int] = []
        tree = desk.app.main.tree_view
        draw = tree.render_line
        tree.render_line = lambda y: (painted.append(y), draw(y))[1]  # type: ignore[method-assign]
        bench.show()
        await desk.pilot.pause()
        assert painted == []
        bench.show(picture((*CLOUD, *whole("edge1"), *whole("edge2"))))
        await desk.until(lambda: bool(painted))


async def test_on_a_small_screen_the_path_is_that_of_what_is_selected(at_desk: Opener, bench: FakeWorkbench) -> None:
    views = picture().components
    metrics = replace(views[2], id="cloud/metrics-server")
    bench.fixed_picture = replace(picture(), components=(*views[:2], metrics, *views[2:]))
    async with at_desk((80, 24)) as desk:
        strip = desk.app.main.query_one(PathStrip)
        assert strip.lines(80)[0][0][0].startswith("logs edge1")
        desk.app.main.tree_view.select("cloud/metrics-server")
        await desk.until(lambda: strip.lines(80)[0][0][0].startswith("top  edge1"), "the path of metrics")

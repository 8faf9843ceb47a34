"""The kinds of panel that the dashboards show, and how they lie on Grafana's grid of 24 columns."""

import string
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    dashboard,
    heatmap,
    prometheus,
    stat,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import heatmap as colors
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    GridPos,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

TAG = "sharpline"
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
#: Of how long one speaks in titles and thresholds: the middle, the slow, the slowest.
SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))

#: What Grafana calls the queries of a panel; two of one name would be one.
LETTERS = string.ascii_uppercase

Limits = tuple[tuple[float | None, str], ...]
#: More is only more.
PLAIN: Limits = ((None, "green"),)
#: Zero is the bad value: nothing flows.
FLOWING: Limits = ((None, "red"), (0.001, "green"))
#: Anything above zero is worth a look.
NONE_EXPECTED: Limits = ((None, "green"), (0.001, "red"))


def limits(look: float, act: float) -> Limits:
    """Yellow from where one should look, red from where one should act."""
    return ((None, "green"), (look, "yellow"), (act, "red"))


class Query(NamedTuple):
    """An expression and what its series are called."""

    expr: str
    legend: str


class Column(NamedTuple):
    """Panels one below the other."""

    width: int
    panels: "Sequence[Panel]"


class Row(NamedTuple):
    """Columns side by side under a title; with ``repeat`` once for each value of that variable."""

    title: str
    columns: Sequence[Column]
    repeat: str = ""


Panel = stat.Panel | timeseries.Panel | heatmap.Panel | barchart.Panel | table.Panel | text.Panel
Measured = TypeVar("Measured", stat.Panel, timeseries.Panel, heatmap.Panel, barchart.Panel, table.Panel)


def per_second(metric: str, by: str, where: str = "") -> str:
    """The rate of a counter, summed over all but the labels ``by``."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


def quantile(share: float, histogram: str, by: str = "", where: str = "") -> str:
    """What ``share`` of the observations of a histogram stay below."""
    labels = f"le, {by}" if by else "le"
    buckets = per_second(f"{histogram}_bucket", labels, where)
    return f"histogram_quantile({share}, {buckets})"


def number(
    title: str, says: str, unit: str, *queries: Query, steps: Limits = PLAIN, height: int = 4
) -> stat.Panel:
    """The last value of each series, with its past behind it."""
    panel = _measured(stat.Panel(), title, says, unit, steps, height)
    for name, query in zip(LETTERS, queries, strict=False):
        panel.with_target(_target(name, query))
    names = len(queries) > 1 or "{{" in queries[0].legend
    return (
        panel.graph_mode(common.BigValueGraphMode.AREA)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME if names else common.BigValueTextMode.VALUE)
        .orientation(common.VizOrientation.HORIZONTAL if names else common.VizOrientation.AUTO)
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def trend(
    title: str,
    says: str,
    unit: str,
    *queries: Query,
    steps: Limits = PLAIN,
    height: int = 8,
    stacked: bool = False,
    least: float | None = 0,
) -> timeseries.Panel:
    """Lines over time from ``least`` up; what is stacked has its sum as the upper edge."""
    panel = _measured(timeseries.Panel(), title, says, unit, steps, height)
    for name, query in zip(LETTERS, queries, strict=False):
        panel.with_target(_target(name, query))
    if len(steps) > 2:
        dashed = options.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
        panel.thresholds_style(dashed)
    if stacked:
        panel.stacking(options.StackingConfig().mode(common.StackingMode.NORMAL))
    legend = options.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM)
    if least is not None:
        panel.min(least)
    return (
        panel.fill_opacity(30 if stacked else 5)
        .line_width(1)
        .show_points(common.VisibilityMode.NEVER)
        .legend(legend.display_mode(common.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"]))
        .tooltip(
            options.VizTooltipOptions()
            .mode(common.TooltipDisplayMode.MULTI)
            .sort(common.SortOrder.DESCENDING)
        )
    )


def shape(title: str, says: str, histogram: str, height: int = 8) -> heatmap.Panel:
    """How many observations of a histogram in seconds fell into each of its buckets, over time."""
    panel = _measured(heatmap.Panel(), title, says, "s", PLAIN, height)
    counts = f"sum by (le) (increase({histogram}_bucket[$__rate_interval]))"
    color = heatmap.HeatmapColorOptions().mode(colors.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    return (
        panel.with_target(_target("A", Query(counts, "{{le}}")).format(PromQueryFormat.HEATMAP))
        .calculate(False)
        .color(color)
        .y_axis(heatmap.YAxisConfig().unit("s"))
        .show_legend()
        .show_tooltip()
        .show_y_histogram()
    )


def bars(
    title: str, says: str, unit: str, along: str, called: str, *queries: Query, height: int = 8
) -> barchart.Panel:
    """As of now, side by side: a bar of each query for each value of the label ``along``."""
    panel = _measured(barchart.Panel(), title, says, unit, PLAIN, height)
    names = {along: called}
    for letter, query in zip(LETTERS, queries, strict=False):
        panel.with_target(_target(letter, query).instant().format(PromQueryFormat.TABLE))
        names[f"Value #{letter}"] = query.legend
    order = {label: place for place, label in enumerate(names)}
    tidy = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    return (
        panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(DataTransformerConfig(id_val="sortBy", options={"sort": [{"field": along}]}))
        .with_transformation(DataTransformerConfig(id_val="organize", options=tidy))
        .x_field(called)
        .legend(options.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
    )


def listing(
    title: str,
    says: str,
    columns: Sequence[tuple[str, str, Limits, str]],
    renamed: dict[str, str],
    first: str,
    height: int,
) -> table.Panel:
    """A table as of now. A column is its name, unit, limits and expression; all have the same labels.

    ``renamed`` are labels and what they are called; rows are sorted by the column ``first``, highest on top.
    """
    panel = _measured(table.Panel(), title, says, "short", PLAIN, height)
    names = dict(renamed)
    for letter, (name, unit, steps, expr) in zip(LETTERS, columns, strict=False):
        panel.with_target(_target(letter, Query(expr, "")).instant().format(PromQueryFormat.TABLE))
        names[f"Value #{letter}"] = name
        shown = [DynamicConfigValue("unit", unit)]
        if steps != PLAIN:
            shown += [
                DynamicConfigValue("thresholds", _thresholds(steps).build()),
                DynamicConfigValue("custom.cellOptions", common.TableColorTextCellOptions()),
            ]
        panel.override_by_name(name, shown)
    order = {label: place for place, label in enumerate(names)}
    tidy = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names}
    return (
        panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(DataTransformerConfig(id_val="organize", options=tidy))
        .sort_by([options.TableSortByFieldState().display_name(first).desc(True)])
    )


def words(title: str, says: str, markdown: str, height: int = 3) -> text.Panel:
    """What a person should know before looking."""
    return (
        text.Panel().title(title).description(says).mode(TextMode.MARKDOWN).content(markdown).height(height)
    )


def choice(name: str, label: str, values: str) -> dashboard.QueryVariable:
    """A variable of which any number can be chosen; at first all, known or not."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": values, "refId": f"variable-{name}"})
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def board(
    uid: str,
    title: str,
    says: str,
    rows: Sequence[Row],
    variables: Sequence[dashboard.QueryVariable] = (),
    shows: str = "15m",
    every: str = "5s",
) -> dashboard.Dashboard:
    """A dashboard of rows, with links to all others of the same tag; at first it ``shows`` so much time."""
    built = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags([TAG])
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(f"now-{shows}", "now")
        .refresh(every)
        .timezone("browser")
        .link(
            dashboard.DashboardLink("Sharpline")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("datasource")
            .label("Prometheus")
            .type("prometheus")
            .current(VariableOption(selected=True, text="Prometheus", value="prometheus"))
        )
    )
    for variable in variables:
        built.with_variable(variable)
    top, number_of = 0, 0
    for row in rows:
        if row.title:
            number_of += 1
            header = dashboard.Row(row.title).id(number_of).grid_pos(GridPos(h=1, w=24, x=0, y=top))
            built.with_row(header.repeat(row.repeat) if row.repeat else header)
            top += 1
        left, bottom = 0, top
        for column in row.columns:
            place = top
            for panel in column.panels:
                number_of += 1
                lies = panel.build().grid_pos
                assert lies is not None, "every kind of panel is given its height"
                built.with_panel(
                    panel.id(number_of).grid_pos(GridPos(h=lies.h, w=column.width, x=left, y=place))
                )
                place += lies.h
            left, bottom = left + column.width, max(bottom, place)
        top = bottom
    return built


def _measured(panel: Measured, title: str, says: str, unit: str, steps: Limits, height: int) -> Measured:
    return (
        panel.title(title)
        .description(says)
        .datasource(SOURCE)
        .unit(unit)
        .thresholds(_thresholds(steps))
        .height(height)
    )


def _thresholds(steps: Limits) -> dashboard.ThresholdsConfig:
    levels = [Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(levels)


def _target(name: str, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().datasource(SOURCE).ref_id(name).range()
    return target.expr(query.expr).legend_format(query.legend)

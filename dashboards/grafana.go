package dashboards

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// tag is the tag by which the dashboards link to each other.
const tag = "lode"

// Grafana converts the dashboard to Grafana's own representation.
func (d Dashboard) Grafana() (dashboard.Dashboard, error) {
	b := dashboard.NewDashboardBuilder(d.Title).
		Uid(d.UID).
		Description(d.About).
		Tags([]string{tag}).
		Editable().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Time("now-30m", "now").
		Refresh("10s").
		Timezone("browser").
		Link(dashboard.NewDashboardLinkBuilder("Lode").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).AsDropdown(true).IncludeVars(true).KeepTime(true)).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		WithVariable(variable("job", "Job", `label_values(lode_chain_height, job)`)).
		// "All" is the pattern .+ rather than a list of the nodes known at present, so
		// that it includes nodes that have not answered for a long time. For jobs it is
		// the list, because other jobs than those with nodes have a metric up, too.
		WithVariable(variable("instance", "Node", `label_values(lode_chain_height{job=~"$job"}, instance)`).AllValue(".+"))
	for _, m := range d.Marks {
		b.Annotation(dashboard.NewAnnotationQueryBuilder().
			Name(m.Name).Datasource(source()).Enable(true).IconColor(m.Color).Expr(m.Expr).
			Target(prometheus.NewDataqueryBuilder().RefId("Anno").Datasource(source()).Expr(m.Expr).LegendFormat(m.Label).Range().Interval(minStep())))
	}
	for i, p := range d.Layout() {
		pos := dashboard.GridPos{X: p.X, Y: p.Y, W: p.W, H: p.H}
		if p.Heading != "" {
			b.WithRow(dashboard.NewRowBuilder(p.Heading).Id(uint32(i + 1)).GridPos(pos))
			continue
		}
		panel, err := p.Panel.grafana(uint32(i+1), pos)
		if err != nil {
			return dashboard.Dashboard{}, fmt.Errorf("%s, panel %q: %w", d.UID, p.Panel.Title, err)
		}
		b.WithPanel(panel)
	}
	return b.Build()
}

func source() common.DataSourceRef {
	kind, uid := "prometheus", "$datasource"
	return common.DataSourceRef{Type: &kind, Uid: &uid}
}

// variable returns a dashboard variable that offers the values of a label, as listed
// by a query. All values are selected at first.
func variable(name, label, query string) *dashboard.QueryVariableBuilder {
	all, text, yes := "$__all", "All", true
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Datasource(source()).
		Query(dashboard.StringOrMap{String: &query}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).
		Multi(true).
		IncludeAll(true).
		Current(dashboard.VariableOption{
			Selected: &yes,
			Text:     dashboard.StringOrArrayOfString{String: &text},
			Value:    dashboard.StringOrArrayOfString{String: &all},
		})
}

// grafana converts the panel to Grafana's own representation.
func (p Panel) grafana(id uint32, pos dashboard.GridPos) (cog.Builder[dashboard.Panel], error) {
	switch p.Kind {
	case Stat:
		b := stat.NewPanelBuilder().
			Id(id).GridPos(pos).Title(p.Title).Description(p.About).Datasource(source()).Unit(p.Unit).
			GraphMode(common.BigValueGraphModeArea).
			ColorMode(common.BigValueColorModeValue).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
		if p.Text {
			b.TextMode(common.BigValueTextModeName).GraphMode(common.BigValueGraphModeNone)
		}
		if len(p.Words) > 0 {
			b.Mappings([]dashboard.ValueMapping{p.mapping()})
		}
		b.Thresholds(p.thresholds())
		for i, q := range p.Queries {
			target := q.target(i)
			if p.Text { // what ended a while ago must not be listed
				target.Instant()
			}
			b.WithTarget(target)
		}
		return b, nil
	case Lines, Stack:
		b := timeseries.NewPanelBuilder().
			Id(id).GridPos(pos).Title(p.Title).Description(p.About).Datasource(source()).Unit(p.Unit).
			LineWidth(2).FillOpacity(0).ShowPoints(common.VisibilityModeNever).
			Legend(common.NewVizLegendOptionsBuilder().
				DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true).
				Calcs([]string{"lastNotNull"})). // tells apart lines that coincide
			Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti))
		if p.Kind == Stack {
			b.FillOpacity(40).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal)).Min(0)
		}
		if p.Log {
			b.ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(10))
		}
		if p.Max != 0 {
			b.Max(p.Max)
		}
		if len(p.Steps) > 0 {
			b.Thresholds(p.thresholds()).
				ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
		}
		for i, q := range p.Queries {
			b.WithTarget(q.target(i))
		}
		return b, nil
	case Heat:
		b := heatmap.NewPanelBuilder().
			Id(id).GridPos(pos).Title(p.Title).Description(p.About).Datasource(source()).
			Calculate(false).
			YAxis(heatmap.NewYAxisConfigBuilder().Unit(p.Unit)).
			Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Blues").Steps(64).Reverse(false)).
			HideLegend()
		for i, q := range p.Queries {
			b.WithTarget(q.target(i).Format(prometheus.PromQueryFormatHeatmap))
		}
		return b, nil
	}
	return nil, fmt.Errorf("unknown kind of panel %q", p.Kind)
}

func (q Query) target(i int) *prometheus.DataqueryBuilder {
	b := prometheus.NewDataqueryBuilder().
		RefId(string(rune('A' + i))).
		Datasource(source()).
		Expr(q.Expr).
		LegendFormat(q.Legend).
		Range()
	if strings.Contains(q.Expr, "$__rate_interval") {
		b.Interval(minStep())
	}
	return b
}

// minStep returns MinStep in Grafana's notation.
func minStep() string { return promDuration(MinStep) }

func (p Panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	steps := []dashboard.Threshold{{Color: "text"}} // Grafana wants no value for the lowest threshold
	for i, s := range p.Steps {
		step := dashboard.Threshold{Value: &s.From, Color: s.Color}
		if i == 0 {
			steps, step.Value = nil, nil
		}
		steps = append(steps, step)
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

// mapping returns the words that are shown instead of some values.
func (p Panel) mapping() dashboard.ValueMapping {
	words := dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{}}
	for value, word := range p.Words {
		words.Options[value] = dashboard.ValueMappingResult{Text: &word}
	}
	return dashboard.ValueMapping{ValueMap: &words}
}

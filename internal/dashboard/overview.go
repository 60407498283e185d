package dashboard

import (
	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/stats"
)

// headline is a figure that is read at a glance.
type headline struct {
	Code     string // of the risk level
	Title    string
	Current  string
	Residual string
	Trend    trend
}

// trend compares a figure with that of the period before.
type trend struct {
	Direction string // up, down, same; empty: there is nothing to compare with
	Text      string
}

// overview is what the first page shows.
type overview struct {
	Headlines     []headline
	Contributions disclosure.Contributions
	AnalysesTrend trend
	Before        string // the period that trends compare with
}

// overviewFigures are read at the same time.
type overviewFigures struct {
	now, before       riskMeans
	counted, previous disclosure.Contributions
	threats, vulns    figure
}

func (r *reading) overview() (overview, []figure, error) {
	var f overviewFigures
	var group errgroup.Group
	group.Go(func() (err error) { f.now, err = r.means(r.view); return err })
	group.Go(func() (err error) { f.before, err = r.means(r.view.previous()); return err })
	group.Go(func() (err error) { f.counted, err = r.contributions(r.view); return err })
	group.Go(func() (err error) { f.previous, err = r.contributions(r.view.previous()); return err })
	group.Go(func() (err error) { f.threats, err = r.top(threats); return err })
	group.Go(func() (err error) { f.vulns, err = r.top(vulnerabilities); return err })
	if err := group.Wait(); err != nil {
		return overview{}, nil, err
	}
	figures := []figure{f.threats, f.vulns}
	for _, kind := range stats.Kinds() {
		figures = append(figures, r.riskFigure(kind, f.now))
	}
	return r.headlines(f), figures, nil
}

// means are the mean numbers of risks in the period of a view.
func (r *reading) means(v view) (riskMeans, error) {
	sums, err := r.sums(stats.Risk, v)
	if err != nil {
		return nil, err
	}
	return meansOf(sums), nil
}

func (r *reading) headlines(f overviewFigures) overview {
	o := overview{Contributions: f.counted, Before: r.span(r.view.previous())}
	for _, l := range levelCodes {
		now := f.now.ofAllKinds(stats.Current, l.level)
		o.Headlines = append(o.Headlines, headline{
			Code:     l.code,
			Title:    r.T("headline_" + l.code),
			Current:  r.numberOrNone(now),
			Residual: r.numberOrNone(f.now.ofAllKinds(stats.Residual, l.level)),
			Trend:    r.trend(now, f.before.ofAllKinds(stats.Current, l.level)),
		})
	}
	if f.counted.Analyses > 0 && f.previous.Analyses > 0 {
		now, before := float64(f.counted.Analyses), float64(f.previous.Analyses)
		o.AnalysesTrend = r.trend(&now, &before)
	}
	return o
}

// noticeable is the relative change below which a figure counts as unchanged.
const noticeable = 0.005

func (r *reading) trend(now, before *float64) trend {
	if now == nil || before == nil {
		return trend{Text: r.T("trend_none")}
	}
	change := *now - *before
	if *before == 0 && change != 0 {
		return trend{Direction: "up", Text: r.T("trend_up_from_none", "Change", r.Number(change))}
	}
	if change == 0 || abs(change / *before) < noticeable {
		return trend{Direction: "same", Text: r.T("trend_same")}
	}
	values := []any{"Change", r.Number(abs(change)), "Percent", r.Percent(abs(change / *before))}
	if change > 0 {
		return trend{Direction: "up", Text: r.T("trend_up", values...)}
	}
	return trend{Direction: "down", Text: r.T("trend_down", values...)}
}

func abs(n float64) float64 {
	if n < 0 {
		return -n
	}
	return n
}

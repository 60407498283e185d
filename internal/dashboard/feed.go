// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// feedPath is where the changes from week to week can be followed.
	feedPath = "/stats/feed.atom"
	// feedWeeks is the number of weeks in the feed.
	feedWeeks = 12
)

// The feed is as RFC 4287 has it.
type (
	atomFeed struct {
		XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
		Language string      `xml:"xml:lang,attr"`
		ID       string      `xml:"id"`
		Title    string      `xml:"title"`
		Subtitle string      `xml:"subtitle"`
		Updated  string      `xml:"updated"`
		Author   atomAuthor  `xml:"author"`
		Rights   string      `xml:"rights,omitempty"`
		Links    []atomLink  `xml:"link"`
		Entries  []atomEntry `xml:"entry"`
	}
	atomAuthor struct {
		Name string `xml:"name"`
	}
	atomLink struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr"`
		Href string `xml:"href,attr"`
	}
	atomEntry struct {
		ID      string   `xml:"id"`
		Title   string   `xml:"title"`
		Updated string   `xml:"updated"`
		Link    atomLink `xml:"link"`
		Content string   `xml:"content"`
	}
)

// weekFigures has the sums of a week.
type weekFigures struct {
	threats map[string]processor.DailySum // by UUID
	risks   riskMeans
}

// feed lists the changes of each of the last complete weeks.
func (p *Pages) feed(r *requestContext) (*answer.Encoded, error) {
	today := r.opts.Figures.Today()
	until := today.AddDate(0, 0, -(int(today.Weekday())+6)%7) // the Monday after the last week
	weeks, err := r.weeksBefore(until)
	if err != nil {
		return nil, err
	}
	base := cmp.Or(r.opts.InstanceURL, prefix.Of(r.ctx))
	feed := atomFeed{
		Language: r.Code, ID: feedID(base, "feed"), Title: r.T("product"), Subtitle: r.T("feed_subtitle"),
		Updated: until.Format(time.RFC3339), Author: atomAuthor{r.T("product")}, Rights: r.opts.Licence,
		Links: []atomLink{
			{"self", "application/atom+xml", base + feedPath + "?" + paramLang + "=" + r.Code},
			{"alternate", "text/html", base + "/stats?" + paramLang + "=" + r.Code},
		},
	}
	for i := 1; i <= feedWeeks; i++ {
		start := until.AddDate(0, 0, -7*i)
		summary := r.weekSummary(weeks[start], weeks[start.AddDate(0, 0, -7)])
		if summary == "" {
			continue
		}
		v := r.view
		v.Days, v.From, v.To, v.Lang = 0, start, start.AddDate(0, 0, 6), r.Code
		feed.Entries = append(feed.Entries, atomEntry{
			ID: feedID(base, start.Format(time.DateOnly)), Title: r.T("week_of", "Date", r.Date(start)),
			Updated: start.AddDate(0, 0, 7).Format(time.RFC3339), Content: summary,
			Link: atomLink{"alternate", "text/html", base + "/stats?" + v.query().Encode()},
		})
	}
	body, err := xml.MarshalIndent(feed, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the feed: %w", err)
	}
	return document(append([]byte(xml.Header), body...), "application/atom+xml; charset=utf-8", ""), nil
}

// feedID returns the permanent id of a feed entry, the same in all languages.
func feedID(base, part string) string {
	return "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(base+feedPath+"#"+part)).String()
}

// weeksBefore reads the weeks that the feed compares, by their Mondays.
func (r *requestContext) weeksBefore(until time.Time) (map[time.Time]weekFigures, error) {
	filter := stats.Filter{DateFrom: until.AddDate(0, 0, -7*(feedWeeks+1)), DateTo: until.AddDate(0, 0, -1), LocalStatsOnly: r.view.Local}
	weeks, risks := map[time.Time]weekFigures{}, map[time.Time][]processor.DailySum{}
	of := func(date time.Time) time.Time { return date.AddDate(0, 0, -(int(date.Weekday())+6)%7) }
	filter.Type = stats.Threat
	sums, err := r.opts.Figures.DailySums(r.ctx, filter)
	if err != nil {
		return nil, err
	}
	for _, sum := range sums {
		week, known := weeks[of(sum.Date)]
		if !known {
			week.threats = map[string]processor.DailySum{}
		}
		week.threats[sum.Key.Object] = week.threats[sum.Key.Object].Plus(sum)
		weeks[of(sum.Date)] = week
	}
	filter.Type = stats.Risk
	if sums, err = r.opts.Figures.DailySums(r.ctx, filter); err != nil {
		return nil, err
	}
	for _, sum := range sums {
		risks[of(sum.Date)] = append(risks[of(sum.Date)], sum)
	}
	for start, sums := range risks {
		week := weeks[start]
		week.risks = meansOf(sums)
		weeks[start] = week
	}
	return weeks, nil
}

// weekSummary says in sentences what changed in a week. It returns "" for a week without
// figures.
func (r *requestContext) weekSummary(now, before weekFigures) string {
	var sentences []string
	if high := now.risks.ofAllKinds(stats.Current, stats.HighRisks); high != nil {
		sentences = append(sentences, r.T("feed_high", "Now", r.Number(*high), "Before", r.numberOrNone(before.risks.ofAllKinds(stats.Current, stats.HighRisks))))
	}
	type change struct {
		name     string
		from, to float64
	}
	var all []change
	for _, object := range slices.Sorted(maps.Keys(now.threats)) {
		to, from := now.threats[object], before.threats[object]
		if least := int64(max(r.opts.MinAnalyses, 1)); min(to.Count, from.Count) < least {
			continue
		}
		all = append(all, change{
			name: r.Label(labelSet(to.Labels), object),
			from: processor.Mean(from.Sums[2], from.Count), to: processor.Mean(to.Sums[2], to.Count),
		})
	}
	slices.SortStableFunc(all, func(a, b change) int { return cmp.Compare(b.to-b.from, a.to-a.from) })
	add := func(id string, c change) {
		sentences = append(sentences, r.T(id, "Name", c.name, "From", r.Number(c.from), "To", r.Number(c.to)))
	}
	if len(all) > 0 && all[0].to > all[0].from && r.differ(all[0].to, all[0].from) {
		add("feed_risen", all[0])
	}
	if last := len(all) - 1; last >= 0 && all[last].to < all[last].from && r.differ(all[last].to, all[last].from) {
		add("feed_fallen", all[last])
	}
	return strings.Join(sentences, " ")
}

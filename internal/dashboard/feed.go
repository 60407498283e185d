// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/prefix"
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

// feed lists the changes of each of the last complete weeks.
func (p *Pages) feed(r *requestContext) (*answer.Encoded, error) {
	until := startOf(groupWeek)(r.opts.Figures.Today()) // the Monday after the last week
	var weeks [feedWeeks + 1]periodFigures              // the newest first
	for i := range weeks {
		var err error
		if weeks[i], err = r.periodFigures(r.week(until.AddDate(0, 0, -7*(i+1))), disclosure.Undivided); err != nil {
			return nil, err
		}
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
	for i := range feedWeeks {
		summary := r.weekSummary(weeks[i], weeks[i+1])
		if summary == "" {
			continue
		}
		start := until.AddDate(0, 0, -7*(i+1))
		feed.Entries = append(feed.Entries, atomEntry{
			ID: feedID(base, start.Format(time.DateOnly)), Title: r.T("week_of", "Date", r.Date(start)),
			Updated: start.AddDate(0, 0, 7).Format(time.RFC3339), Content: summary,
			Link: atomLink{"alternate", "text/html", base + "/stats?" + r.week(start).query().Encode()},
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

// week returns the view of the week that starts on a Monday.
func (r *requestContext) week(start time.Time) view {
	v := r.view
	v.Days, v.From, v.To, v.Lang = 0, start, start.AddDate(0, 0, 6), r.Code
	return v
}

// weekSummary says in sentences what changed in a week. It returns "" for a week without
// figures of enough analyses.
func (r *requestContext) weekSummary(now, before periodFigures) string {
	var sentences []string
	high, then := r.ofLevel(now, stats.Current, stats.HighRisks), r.ofLevel(before, stats.Current, stats.HighRisks)
	switch {
	case high.mean == nil || high.few:
	case then.few || !high.comparable(then):
		sentences = append(sentences, r.T("feed_high", "Now", r.Number(*high.mean)))
	default:
		sentences = append(sentences, r.T("feed_high_before", "Now", r.Number(*high.mean), "Before", r.Number(*then.mean)))
	}
	inThreats, inVulns := r.changes(threats, now.threats, before.threats), r.changes(vulnerabilities, now.vulns, before.vulns)
	for _, most := range []struct {
		id      string
		changed []change
	}{
		{"feed_threat_risen", inThreats.Rising}, {"feed_threat_fallen", inThreats.Falling},
		{"feed_vulnerability_risen", inVulns.Rising}, {"feed_vulnerability_fallen", inVulns.Falling},
	} {
		if len(most.changed) > 0 {
			c := most.changed[0]
			sentences = append(sentences, r.T(most.id, "Name", c.Name.Text, "From", r.Number(c.was), "To", r.Number(c.is)))
		}
	}
	return strings.Join(sentences, " ")
}

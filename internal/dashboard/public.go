// Package dashboard serves what the public reads without a key: aggregated
// statistics over all clients and what the service is.
package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server/public"
	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	defaultDays = 365
	maxDays     = 36_500 // a hundred years
	// layoutSeries asks for the shape that API v1 answers.
	layoutSeries = "series"
)

// Options are what the public routes need.
type Options struct {
	Store    *postgres.Store
	Answers  *answer.Cache // keeps answers; nil: they are computed each time
	Now      func() time.Time
	Location *time.Location // decides which day "today" is
	APIRoot  string         // path of API v1 below the prefix

	MinClients int // figures that fewer clients stand behind are kept back; up to 1: none
}

// Public answers the public JSON routes.
type Public struct {
	opts Options
}

var _ public.StrictServerInterface = (*Public)(nil)

// NewPublic returns the public JSON routes.
func NewPublic(opts Options) *Public {
	opts.Answers = opts.answers()
	return &Public{opts: opts}
}

// answers is where answers are kept, or a place that keeps none.
func (o Options) answers() *answer.Cache {
	if o.Answers == nil {
		return answer.NewCache(0, o.Now)
	}
	return o.Answers
}

// reply is a success answer of any public route; see its methods.
type reply func(w http.ResponseWriter) error

func (r reply) VisitAboutResponse(w http.ResponseWriter) error                 { return r(w) }
func (r reply) VisitPublicRisksResponse(w http.ResponseWriter) error           { return r(w) }
func (r reply) VisitPublicThreatsResponse(w http.ResponseWriter) error         { return r(w) }
func (r reply) VisitPublicVulnerabilitiesResponse(w http.ResponseWriter) error { return r(w) }

func replyEncoded(ctx context.Context, encoded *answer.Encoded, keep string) reply {
	return func(w http.ResponseWriter) error { return encoded.Write(w, answer.TermsOf(ctx), keep) }
}

// About answers the version of the service and where its API is.
func (p *Public) About(ctx context.Context, request public.AboutRequestObject) (public.AboutResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	about := api.About{
		APIV1Root:  prefix.Of(ctx) + p.opts.APIRoot + "/",
		Version:    buildinfo.String(),
		VersionURL: buildinfo.URL(),
	}
	body, err := answer.Encode(about, mask)
	if err != nil {
		return nil, err
	}
	// The paths depend on the prefix that a proxy tells, so nobody keeps them unasked.
	return replyEncoded(ctx, answer.NewEncoded(body), answer.KeepChecked), nil
}

// PublicThreats answers the means of the threats, by day.
func (p *Public) PublicThreats(ctx context.Context, request public.PublicThreatsRequestObject) (public.PublicThreatsResponseObject, error) {
	params := request.Params
	return p.aggregate(ctx, question{
		statsType: stats.Threat, processor: params.Processor, fallback: "threat_average_on_date",
		days: params.Days, localOnly: params.LocalStatsOnly, layout: params.Layout, fields: params.XFields,
	})
}

// PublicVulnerabilities answers the means of the vulnerabilities, by day.
func (p *Public) PublicVulnerabilities(ctx context.Context, request public.PublicVulnerabilitiesRequestObject) (public.PublicVulnerabilitiesResponseObject, error) {
	params := request.Params
	return p.aggregate(ctx, question{
		statsType: stats.Vulnerability, processor: params.Processor, fallback: "vulnerability_average_on_date",
		days: params.Days, localOnly: params.LocalStatsOnly, layout: params.Layout, fields: params.XFields,
	})
}

// PublicRisks answers the means of the risks by level, by day unless another
// processor is asked for.
func (p *Public) PublicRisks(ctx context.Context, request public.PublicRisksRequestObject) (public.PublicRisksResponseObject, error) {
	params := request.Params
	return p.aggregate(ctx, question{
		statsType: stats.Risk, processor: params.Processor, fallback: "risk_averages_on_date",
		days: params.Days, localOnly: params.LocalStatsOnly, layout: params.Layout, fields: params.XFields,
	})
}

// question is what a public route was asked, as it was written.
type question struct {
	statsType stats.Type
	processor string
	fallback  string // processor when none is asked for
	days      string
	localOnly string
	layout    string
	fields    string
}

// aggregate answers a question over all clients.
func (p *Public) aggregate(ctx context.Context, q question) (reply, error) {
	mask, err := fieldmask.Parse(q.fields)
	if err != nil {
		return nil, err
	}
	chosen, err := q.choose()
	if err != nil {
		return nil, err
	}
	guard := newGuard(p.opts)
	filter, err := q.filter(guard)
	if err != nil {
		return nil, err
	}
	key := answer.KeyOf("public", chosen.Name, filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly), q.layout, q.fields)
	encoded, err := p.opts.Answers.Do(ctx, key, []string{string(filter.Type)}, func(ctx context.Context) ([]byte, error) {
		return guard.process(ctx, chosen, filter, q.layout, mask)
	})
	if err != nil {
		return nil, err
	}
	return replyEncoded(ctx, encoded, answer.KeepPublic), nil
}

// process returns the JSON of the answer.
func (g guard) process(ctx context.Context, chosen processor.Processor, filter stats.Filter, layout string, mask *fieldmask.Mask) ([]byte, error) {
	sums, err := g.sums(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("process %s: %w", chosen.Name, err)
	}
	result := chosen.Process(sums, nil)
	if layout != layoutSeries {
		result = processor.ByDate(result)
	}
	return answer.Encode(result, mask)
}

// choose returns the processor and checks the layout.
func (q question) choose() (processor.Processor, error) {
	if q.layout != "" && q.layout != layoutSeries {
		return processor.Processor{}, stats.Invalid("layout", "must be %s or left out", layoutSeries)
	}
	name := q.processor
	if name == "" {
		name = q.fallback
	}
	chosen, err := processor.Choose(name, q.statsType)
	if err != nil {
		return processor.Processor{}, stats.Invalid("processor", "%s", err)
	}
	return chosen, nil
}

// filter covers so many days up to today, both ends included, or whole weeks.
func (q question) filter(g guard) (stats.Filter, error) {
	days := defaultDays
	if q.days != "" {
		given, err := strconv.Atoi(q.days)
		if err != nil || given < 1 || given > maxDays {
			return stats.Filter{}, stats.Invalid("days", "must be a number of days from 1 to %d", maxDays)
		}
		days = given
	}
	localOnly, err := q.local()
	if err != nil {
		return stats.Filter{}, err
	}
	from, to := g.lastDays(days)
	return stats.Filter{Type: q.statsType, DateFrom: from, DateTo: to, LocalStatsOnly: localOnly}, nil
}

func (q question) local() (bool, error) {
	switch q.localOnly {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	}
	return false, stats.Invalid("local_stats_only", "must be 0 or 1")
}

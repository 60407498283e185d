// SPDX-License-Identifier: AGPL-3.0-or-later

// Package publicapi serves the JSON routes that need no key: means over all clients, and
// the version of the service.
package publicapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/server/public"
	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// DefaultDays is how many days a route covers by default.
	DefaultDays = 365
	// MaxDays is how many days a route covers at most: a hundred years.
	MaxDays = 36_500
	// layoutSeries asks for the shape that API v1 answers.
	layoutSeries = "series"
	// newestDays is how many days of each object last_stats selects.
	newestDays = 40
)

// Options are what the routes need.
type Options struct {
	Figures *disclosure.Control
	Cache   *cache.Cache
	APIRoot string // path of API v1 below the prefix
}

// Server answers the public JSON routes.
type Server struct {
	figures *disclosure.Control
	cache   *cache.Cache
	apiRoot string
}

var _ public.StrictServerInterface = (*Server)(nil)

// New returns the public JSON routes.
func New(o Options) public.ServerInterface {
	server := &Server{o.Figures, o.Cache, o.APIRoot}
	return public.NewStrictHandler(server, []public.StrictMiddlewareFunc{refuseUnknown})
}

// parameters are what the routes of aggregated statistics take.
var parameters = []string{"processor", "days", "local_stats_only", "layout", "last_stats"}

// refuseUnknown refuses parameters that would otherwise be ignored: a caller who asks for
// one analysis must not mistake the means of all for it.
func refuseUnknown(next public.StrictHandlerFunc, operation string) public.StrictHandlerFunc {
	if operation == "About" {
		return next
	}
	return func(c echo.Context, request any) (any, error) {
		var unknown []string
		for name := range c.QueryParams() {
			if !slices.Contains(parameters, name) {
				unknown = append(unknown, name)
			}
		}
		if len(unknown) > 0 {
			slices.Sort(unknown)
			return nil, stats.UnknownArguments(unknown)
		}
		return next(c, request)
	}
}

// response is a success response of any public route; see its methods.
type response func(w http.ResponseWriter) error

func (r response) VisitAboutResponse(w http.ResponseWriter) error                 { return r(w) }
func (r response) VisitPublicRisksResponse(w http.ResponseWriter) error           { return r(w) }
func (r response) VisitPublicThreatsResponse(w http.ResponseWriter) error         { return r(w) }
func (r response) VisitPublicVulnerabilitiesResponse(w http.ResponseWriter) error { return r(w) }

func respond(ctx context.Context, encoded *answer.Encoded, policy answer.CacheControl) response {
	return func(w http.ResponseWriter) error { return encoded.Write(w, answer.NegotiationOf(ctx), policy) }
}

// About answers with the version of the service and the address of its API.
func (s *Server) About(ctx context.Context, request public.AboutRequestObject) (public.AboutResponseObject, error) {
	mask, err := fieldmask.Parse(request.Params.XFields)
	if err != nil {
		return nil, err
	}
	about := api.About{
		APIV1Root:  prefix.Of(ctx) + s.apiRoot + "/",
		Version:    buildinfo.String(),
		VersionURL: buildinfo.URL(),
	}
	body, err := answer.Encode(about, mask)
	if err != nil {
		return nil, err
	}
	// The paths depend on the prefix that a proxy sends, so caches must revalidate.
	return respond(ctx, answer.NewEncoded(body), answer.CacheRevalidated), nil
}

// PublicThreats answers with the means of the threats by day.
func (s *Server) PublicThreats(ctx context.Context, request public.PublicThreatsRequestObject) (public.PublicThreatsResponseObject, error) {
	params := request.Params
	return s.aggregate(ctx, query{
		statsType: stats.Threat, processor: params.Processor, fallback: "threat_average_on_date",
		days: params.Days, localOnly: params.LocalStatsOnly, layout: params.Layout, lastStats: params.LastStats,
		fields: params.XFields,
	})
}

// PublicVulnerabilities answers with the means of the vulnerabilities by day.
func (s *Server) PublicVulnerabilities(ctx context.Context, request public.PublicVulnerabilitiesRequestObject) (public.PublicVulnerabilitiesResponseObject, error) {
	params := request.Params
	return s.aggregate(ctx, query{
		statsType: stats.Vulnerability, processor: params.Processor, fallback: "vulnerability_average_on_date",
		days: params.Days, localOnly: params.LocalStatsOnly, layout: params.Layout, lastStats: params.LastStats,
		fields: params.XFields,
	})
}

// PublicRisks answers with the means of the risks by level, by day unless another
// processor is requested.
func (s *Server) PublicRisks(ctx context.Context, request public.PublicRisksRequestObject) (public.PublicRisksResponseObject, error) {
	params := request.Params
	return s.aggregate(ctx, query{
		statsType: stats.Risk, processor: params.Processor, fallback: "risk_averages_on_date",
		days: params.Days, localOnly: params.LocalStatsOnly, layout: params.Layout, lastStats: params.LastStats,
		fields: params.XFields,
	})
}

// query has the parameters of a public route as they were sent.
type query struct {
	statsType stats.Type
	processor string
	fallback  string // processor if none is requested
	days      string
	localOnly string
	layout    string
	lastStats string
	fields    string
}

// aggregate answers with the means over all clients.
func (s *Server) aggregate(ctx context.Context, q query) (response, error) {
	mask, err := fieldmask.Parse(q.fields)
	if err != nil {
		return nil, err
	}
	chosen, err := q.choose()
	if err != nil {
		return nil, err
	}
	filter, err := q.filter(s.figures)
	if err != nil {
		return nil, err
	}
	newest, err := flag("last_stats", q.lastStats)
	if err != nil {
		return nil, err
	}
	key := cache.KeyOf("public", chosen.Name, filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly), strconv.FormatBool(newest), q.layout, q.fields)
	encoded, err := cache.Get(ctx, s.cache, key, disclosure.Topics(filter.Type), func(ctx context.Context) (*answer.Encoded, error) {
		sums, err := s.figures.DailySums(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("process %s: %w", chosen.Name, err)
		}
		if newest {
			sums = newestOf(sums)
		}
		return process(chosen, sums, q.layout, mask)
	})
	if err != nil {
		return nil, err
	}
	return respond(ctx, encoded, answer.CachePublic), nil
}

// newestOf returns the sums of the newest days of each object. Risks have no object and
// share the same days. The sums are in the order of their dates.
func newestOf(sums []processor.DailySum) []processor.DailySum {
	type objectDays struct {
		days   int
		oldest time.Time
	}
	byObject := map[string]objectDays{}
	first := len(sums)
	for i := len(sums) - 1; i >= 0; i-- {
		object := byObject[sums[i].Key.Object]
		if object.days == 0 || !sums[i].Date.Equal(object.oldest) {
			object = objectDays{object.days + 1, sums[i].Date}
			byObject[sums[i].Key.Object] = object
		}
		if object.days <= newestDays {
			first--
			sums[first] = sums[i]
		}
	}
	return sums[first:]
}

// process encodes the result of a processor.
func process(chosen processor.Processor, sums []processor.DailySum, layout string, mask *fieldmask.Mask) (*answer.Encoded, error) {
	result := chosen.Process(sums, nil)
	if layout != layoutSeries {
		result = processor.ByDate(result)
	}
	body, err := answer.Encode(result, mask)
	if err != nil {
		return nil, err
	}
	return answer.NewEncoded(body), nil
}

// choose returns the processor and checks the layout.
func (q query) choose() (processor.Processor, error) {
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

// filter selects the requested days up to today, both included, or complete weeks.
func (q query) filter(figures *disclosure.Control) (stats.Filter, error) {
	days := DefaultDays
	if q.days != "" {
		given, err := strconv.Atoi(q.days)
		if err != nil || given < 1 || given > MaxDays {
			return stats.Filter{}, stats.Invalid("days", "must be a number of days from 1 to %d", MaxDays)
		}
		days = given
	}
	localOnly, err := flag("local_stats_only", q.localOnly)
	if err != nil {
		return stats.Filter{}, err
	}
	from, to := figures.LastDays(days)
	return stats.Filter{Type: q.statsType, DateFrom: from, DateTo: to, LocalStatsOnly: localOnly}, nil
}

func flag(name, given string) (bool, error) {
	switch given {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	}
	return false, stats.Invalid(name, "must be 0 or 1")
}

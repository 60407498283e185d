// SPDX-License-Identifier: AGPL-3.0-or-later

// Package metrics provides the metrics of the service in the format of Prometheus.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/stats"
)

const namespace = "stats_service"

// Class groups requests of similar cost.
type Class string

// The classes of requests.
const (
	Write   Class = "write"   // storing and deleting
	List    Class = "list"    // listing stats
	Process Class = "process" // processed results, including public ones
	Other   Class = "other"
)

// Reason is why a request was refused before processing, or a connection closed.
type Reason string

// The reasons of refusals.
const (
	NoKey       Reason = "no_key"
	WrongKey    Reason = "wrong_key"
	RateLimit   Reason = "rate_limit"
	TooLarge    Reason = "too_large"
	TooSlow     Reason = "too_slow"    // the body
	Host        Reason = "host"        // not one of TRUSTED_HOSTS
	Connections Reason = "connections" // MAX_CONNECTIONS or MAX_CONNECTIONS_PER_ADDRESS
	Overloaded  Reason = "overloaded"  // too many large bodies, or no free database connection
	Unavailable Reason = "unavailable" // no database, or no answer in time
)

// Reasons returns all reasons.
func Reasons() []Reason {
	return []Reason{NoKey, WrongKey, RateLimit, TooLarge, TooSlow, Host, Connections, Overloaded, Unavailable}
}

// Metrics counts. A nil *Metrics counts nothing. It is safe for concurrent use.
type Metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	inFlight   *prometheus.GaugeVec
	waiting    prometheus.Gauge
	refused    *prometheus.CounterVec
	stored     *prometheus.CounterVec
	duplicates *prometheus.CounterVec
	documents  *prometheus.CounterVec
}

// Large bodies wait for memory, lists and public figures for connections; the latter two
// the Sources know.
const (
	waitingName = "http_requests_waiting"
	waitingHelp = "Requests that wait for admission."
)

// durationBuckets, in seconds, range from a cached answer to the timeout of callers.
var durationBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// New returns the metrics of a process. It takes the types of stats so that their
// series exist from the start.
func New(types []stats.Type) *Metrics {
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		requests:   counter("http_requests_total", "Requests that were answered.", "method", "route", "status"),
		inFlight:   gauge("http_requests_in_flight", "Requests that are being answered.", "class"),
		waiting:    prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: waitingName, Help: waitingHelp, ConstLabels: of(Write)}),
		refused:    counter("http_requests_refused_total", "Requests that were refused before processing, and connections that were closed at a limit.", "reason"),
		stored:     counter("stats_stored_total", "Posted stats that were stored.", "type"),
		duplicates: counter("stats_duplicate_total", "Posted stats that were already stored.", "type"),
		documents:  counter("documents_total", "Documents of posted stats: new ones, and ones whose content was already stored.", "result"),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "http_request_duration_seconds", Buckets: durationBuckets,
			Help: "How long requests took from their header to the end of the answer.",
		}, []string{"method", "route"}),
	}
	build := gauge("build_info", "Always 1, with the version and the commit as labels.", "version", "commit")
	build.WithLabelValues(buildinfo.Version, buildinfo.Revision()).Set(1)
	m.registry.MustRegister(build, m.requests, m.durations, m.inFlight, m.waiting, m.refused, m.stored, m.duplicates, m.documents,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.initSeries(types)
	return m
}

// initSeries creates the series with known labels at 0, so that the first event is an
// increase and not a new series.
func (m *Metrics) initSeries(types []stats.Type) {
	for _, class := range []Class{Write, List, Process, Other} {
		m.inFlight.WithLabelValues(string(class))
	}
	for _, reason := range Reasons() {
		m.refused.WithLabelValues(string(reason))
	}
	for _, t := range types {
		m.stored.WithLabelValues(string(t))
		m.duplicates.WithLabelValues(string(t))
	}
	for _, result := range []string{documentNew, documentReused} {
		m.documents.WithLabelValues(result)
	}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func of(class Class) prometheus.Labels { return prometheus.Labels{"class": string(class)} }

// Request counts an answered request. The route is a pattern, not a path; it is "" if
// no route matched.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(method, route).Observe(took.Seconds())
}

// InFlight counts a request of a class until done is called.
func (m *Metrics) InFlight(class Class) (done func()) {
	if m == nil {
		return func() {}
	}
	gauge := m.inFlight.WithLabelValues(string(class))
	gauge.Inc()
	return gauge.Dec
}

// Waiting counts a body that waits for admission until done is called.
func (m *Metrics) Waiting() (done func()) {
	if m == nil {
		return func() {}
	}
	m.waiting.Inc()
	return m.waiting.Dec
}

// Refused counts a refused request, or a connection that was closed at a limit.
func (m *Metrics) Refused(reason Reason) {
	if m != nil {
		m.refused.WithLabelValues(string(reason)).Inc()
	}
}

// CountRefused counts every request that next refuses for a reason.
func (m *Metrics) CountRefused(reason Reason, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.Refused(reason)
		next(w, r)
	})
}

// Stored counts a posted stat of a type.
func (m *Metrics) Stored(t stats.Type) {
	if m != nil {
		m.stored.WithLabelValues(string(t)).Inc()
	}
}

// Duplicate counts a posted stat of a type that was already stored.
func (m *Metrics) Duplicate(t stats.Type) {
	if m != nil {
		m.duplicates.WithLabelValues(string(t)).Inc()
	}
}

const (
	documentNew    = "new"
	documentReused = "reused"
)

// Documents counts the documents of a batch by whether their content was new.
func (m *Metrics) Documents(added, reused int) {
	if m != nil {
		m.documents.WithLabelValues(documentNew).Add(float64(added))
		m.documents.WithLabelValues(documentReused).Add(float64(reused))
	}
}

// Collect registers a collector.
func (m *Metrics) Collect(collector prometheus.Collector) {
	if m != nil {
		m.registry.MustRegister(collector)
	}
}

// Handler answers with all metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

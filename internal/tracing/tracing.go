// SPDX-License-Identifier: AGPL-3.0-or-later

// Package tracing sends traces of requests and their SQL to a collector over the
// OpenTelemetry protocol (OTLP). The standard environment variables configure it: it is
// off unless one of them names a collector.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"

	"github.com/monarc-project/stats-service/internal/buildinfo"
)

// service is the service name unless OTEL_SERVICE_NAME is set.
const service = "stats-service"

// Wanted reports whether the environment asks for traces.
func Wanted(environ []string) bool {
	values := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	exporter := values["OTEL_TRACES_EXPORTER"]
	if strings.EqualFold(values["OTEL_SDK_DISABLED"], "true") || exporter == "none" {
		return false
	}
	return exporter == "otlp" || values["OTEL_EXPORTER_OTLP_ENDPOINT"] != "" || values["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] != ""
}

// Start begins to send traces over HTTP. stop sends the remaining ones.
func Start(ctx context.Context, log *slog.Logger) (stop func(context.Context) error, err error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up traces as in the OTEL_ variables: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", buildinfo.Version)),
		resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("set up traces as in OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces could not be sent", "error", err.Error())
	}))
	return provider.Shutdown, nil
}

// Handler creates a span for each request, which continues the caller's trace.
func Handler(next http.Handler) http.Handler {
	return otelhttp.NewHandler(next, "request")
}

// NameRoute names the span of a request after its route, which is unknown when the span
// starts.
func NameRoute(ctx context.Context, method, route string) {
	span := api.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if route == "" {
		route = "none"
	}
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.route", route))
}

// ID returns the trace id of a request, or "" without a trace.
func ID(ctx context.Context) string {
	if at := api.SpanContextFromContext(ctx); at.IsValid() {
		return at.TraceID().String()
	}
	return ""
}

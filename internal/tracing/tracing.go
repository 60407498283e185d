// SPDX-License-Identifier: AGPL-3.0-or-later

// Package tracing sends traces of requests and their SQL to a collector by the
// OpenTelemetry protocol. It is set up by the environment variables of its
// specification alone, and is off unless one of them names a collector.
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

// service is the name of the service where OTEL_SERVICE_NAME gives no other.
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

// Start sends traces from now on, over HTTP. stop sends those that are left.
func Start(ctx context.Context, log *slog.Logger) (stop func(context.Context) error, err error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up traces by the OTEL_ variables: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", buildinfo.Version)),
		resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("set up traces by OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces could not be sent", "error", err.Error())
	}))
	return provider.Shutdown, nil
}

// Handler makes a span of each request, which continues the trace that the caller
// began.
func Handler(next http.Handler) http.Handler {
	return otelhttp.NewHandler(next, "request")
}

// NameRoute names the span of a request by its route, which is not known at its
// start.
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

// ID returns the id of the trace that a request belongs to, "" without one.
func ID(ctx context.Context) string {
	if at := api.SpanContextFromContext(ctx); at.IsValid() {
		return at.TraceID().String()
	}
	return ""
}

package cli

import (
	"log/slog"

	"github.com/monarc-project/stats-service/internal/config"
)

// logger writes to standard error, as text or JSON.
func (p *program) logger(settings config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.LogLevel}
	if settings.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(p.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.Stderr, options))
}

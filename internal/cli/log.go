// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"io"
	"log/slog"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/logging"
)

// serviceLogger returns a logger to LOG_PATH or, if that is empty, to standard error. The
// caller closes the file.
func (p *program) serviceLogger(settings config.Config) (*slog.Logger, *logging.File, error) {
	return newLogger(settings, logOptions(settings, p.Stderr))
}

// commandLogger returns the logger of a command. On standard error it is quiet unless
// LOG_LEVEL is debug. In LOG_PATH it logs like the service: commands also run unattended.
func (p *program) commandLogger(settings config.Config, stderr io.Writer) (*slog.Logger, *logging.File, error) {
	options := logOptions(settings, stderr)
	if options.Path == "" && options.Level == slog.LevelInfo {
		options.Level = slog.LevelWarn
	}
	return newLogger(settings, options)
}

// newLogger returns a logger, and first logs the warnings about the settings.
func newLogger(settings config.Config, options logging.Options) (*slog.Logger, *logging.File, error) {
	log, file, err := logging.New(options)
	if err != nil {
		return nil, nil, err
	}
	for _, warning := range settings.Warnings {
		log.Warn(warning)
	}
	return log, file, nil
}

func logOptions(settings config.Config, stderr io.Writer) logging.Options {
	return logging.Options{
		Path:     settings.LogPath,
		Format:   settings.LogFormat,
		Level:    settings.LogLevel,
		Stderr:   stderr,
		Location: settings.Location(),
	}
}

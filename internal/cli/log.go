// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"io"
	"log/slog"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/logging"
)

// serviceLogger writes to LOG_PATH or, without one, to standard error. The
// caller closes what comes with it.
func (p *program) serviceLogger(settings config.Config) (*slog.Logger, *logging.File, error) {
	return newLogger(settings, logOptions(settings, p.Stderr))
}

// commandLogger is for a command that someone waits for. To standard error it
// tells what goes well only if everything is asked for; to LOG_PATH as a service
// does, because commands run unattended too.
func (p *program) commandLogger(settings config.Config, stderr io.Writer) (*slog.Logger, *logging.File, error) {
	options := logOptions(settings, stderr)
	if options.Path == "" && options.Level == slog.LevelInfo {
		options.Level = slog.LevelWarn
	}
	return newLogger(settings, options)
}

// newLogger begins with what an operator should change in the settings.
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

// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import "log/slog"

// Name is the name of a logger, which identifies a part of the service. Operators
// filter by it, so names stay the same when the code's structure changes.
type Name string

// The loggers of the service.
const (
	Root             Name = "statsservice"
	APIClient        Name = "statsservice.api.v1.client"
	APIStats         Name = "statsservice.api.v1.stats"
	APIProcessed     Name = "statsservice.api.v1.processed"
	CommandsClient   Name = "statsservice.commands.client"
	CommandsDatabase Name = "statsservice.commands.db"
	CommandsMOSP     Name = "statsservice.commands.mosp"
	CommandsStats    Name = "statsservice.commands.stats"
	Dashboard        Name = "statsservice.dashboard"
	Database         Name = "statsservice.database"
	HTTP             Name = "statsservice.http"
	MOSP             Name = "statsservice.lib.mosp"
	Peer             Name = "statsservice.lib.peer"
)

// Named returns the logger with another name. With a handler from outside this package,
// the name becomes the attribute "logger".
func Named(log *slog.Logger, name Name) *slog.Logger {
	return log.With(slog.Any(memberLogger, name))
}

// splitName separates the name from the other attributes; it returns "" if there is
// none.
func splitName(attrs []slog.Attr) (Name, []slog.Attr) {
	var name Name
	rest := make([]slog.Attr, 0, len(attrs))
	for _, attr := range attrs {
		if attr.Value.Kind() == slog.KindAny {
			if given, ok := attr.Value.Any().(Name); ok {
				name = given
				continue
			}
		}
		rest = append(rest, attr)
	}
	return name, rest
}

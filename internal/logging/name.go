// SPDX-License-Identifier: AGPL-3.0-or-later

package logging

import "log/slog"

// Name is the name of a logger: which part of the service a line comes from.
// Operators filter by it, so names do not change with the code's structure.
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

// Named returns the logger with another name. With a handler that is not of
// this package the name is an attribute like any other, "logger".
func Named(log *slog.Logger, name Name) *slog.Logger {
	return log.With(slog.Any(memberLogger, name))
}

// splitName takes the name out of the attributes that a logger is given; it
// returns "" when there is none.
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

// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientCoordinatesSet() *cli.Command {
	return &cli.Command{
		Name:     "client_coordinates_set",
		Category: categoryClients,
		Usage:    "Set the coordinates of the client specified with its UUID.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client." + required},
			&cli.StringFlag{Name: "latitude", Usage: "Latitude of the client." + required},
			&cli.StringFlag{Name: "longitude", Usage: "Longitude of the client." + required},
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, setCoordinates),
	}
}

func setCoordinates(ctx context.Context, t *task) error {
	id, err := t.uuid("uuid")
	if err != nil {
		return err
	}
	latitude, err := t.degrees("latitude", 90)
	if err != nil {
		return err
	}
	longitude, err := t.degrees("longitude", 180)
	if err != nil {
		return err
	}
	return t.changeClient(ctx, "The coordinates of client %q (%s) are set.", func(store *postgres.Store) (stats.Client, error) {
		return store.SetCoordinates(ctx, id, &latitude, &longitude)
	})
}

// degrees returns the value of an option between -limit and limit.
func (t *task) degrees(option string, limit float64) (float64, error) {
	given := t.options.String(option)
	degrees, err := strconv.ParseFloat(given, 64)
	within := degrees >= -limit && degrees <= limit                 // false for NaN
	if err != nil || !within || strings.ContainsAny(given, "_xX") { // ParseFloat accepts Go's notation
		return 0, usagef("--%s %q is not a number of degrees from -%v to %v", option, given, limit, limit)
	}
	return degrees, nil
}

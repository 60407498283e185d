// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) statsListLast() *cli.Command {
	return &cli.Command{
		Name:        "stats_list_last",
		Category:    categoryStats,
		Usage:       "List the newest stats of each client, analysis and type, without their data.",
		Description: "A line has the date, the type, the UUIDs of the analysis and of the stats, and\nthe name of the client.",
		Flags:       []cli.Flag{jsonOption()},
		Action:      p.task(logging.CommandsStats, listLast),
	}
}

// statRecord is a stat without its data in JSON.
type statRecord struct {
	UUID      uuid.UUID  `json:"uuid"`
	ANR       uuid.UUID  `json:"anr"`
	Type      stats.Type `json:"type"`
	Date      string     `json:"date"`
	Client    string     `json:"client"`
	CreatedAt time.Time  `json:"created_at"`
}

func listLast(ctx context.Context, t *task) error {
	return t.withStore(ctx, func(store *postgres.Store) error {
		clients, err := store.Clients(ctx)
		if err != nil {
			return err
		}
		names := make(map[int64]string, len(clients))
		for _, client := range clients {
			names[client.ID] = client.Name
		}
		records := []statRecord{}
		err = store.ListLast(ctx, func(stat stats.Stat) error {
			records = append(records, statRecord{
				UUID: stat.UUID, ANR: stat.ANR, Type: stat.Type, Date: stat.Date.Format(time.DateOnly),
				Client: names[stat.ClientID], CreatedAt: stat.CreatedAt,
			})
			return nil
		})
		if err != nil {
			return err
		}
		t.explainEmpty(len(records), "There are no stats.")
		return t.print(records, func(w io.Writer) {
			for _, r := range records {
				fmt.Fprintf(w, "%s %-13s %s %s %s\n", r.Date, r.Type, r.ANR, r.UUID, r.Client)
			}
		})
	})
}

// SPDX-License-Identifier: AGPL-3.0-or-later

// Command integrator posts the stats of an analysis of two days and lists all threats
// of the last three months. It survives a service that is busy or restarts.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
)

func main() {
	ctx := context.Background()
	stats, err := client.New(os.Getenv("STATS_SERVER"), os.Getenv("STATS_TOKEN"),
		client.WithBatchSize(5)) // small, to show several pages; the default is 500
	check(err)

	analysis := uuid.MustParse("5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11")
	var batch []client.Stat
	for daysAgo := range 2 {
		stat, err := client.NewStat(analysis, client.Day(time.Now().UTC().AddDate(0, 0, -daysAgo)), data.Threats{{
			UUID: "b402d4d8-4576-11e9-9173-0800277f0571", Labels: data.Labels{English: "Theft"},
			Count: 2, MaxRisk: 12, AverageRate: 1.5,
		}})
		check(err)
		batch = append(batch, stat)
	}
	_, err = stats.Post(ctx, batch...)
	check(err)

	for stat, err := range stats.All(ctx, client.Query{Type: client.TypeThreat}) {
		check(err)
		threats, err := client.Decode[data.Threats](stat)
		check(err)
		for _, threat := range threats {
			fmt.Println(stat.Date, stat.ANR, threat.English, threat.Count, threat.AverageRate)
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

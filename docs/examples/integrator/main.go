// Command integrator posts a statistic of today and reads the statistics of the
// last three months.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/client"
)

func main() {
	ctx := context.Background()
	stats, err := client.New(os.Getenv("STATS_SERVER"), os.Getenv("STATS_TOKEN"))
	check(err)

	posted, err := stats.CreateStatsWithResponse(ctx, nil, []api.NewStats{{
		ANR:  uuid.MustParse("5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"),
		Type: "threat",
		Date: types.Date{Time: time.Now().UTC()},
		Data: json.RawMessage(`[{"uuid": "b402d4d8-4576-11e9-9173-0800277f0571", "label2": "Theft", "count": 2, "maxRisk": 12, "averageRate": "1.5"}]`),
	}})
	check(err)
	check(client.ErrorOf(posted))

	read, err := stats.ListStatsWithResponse(ctx, nil, api.StatsQuery{Type: "threat"})
	check(err)
	check(client.ErrorOf(read))
	for _, stat := range read.JSON200.Data {
		fmt.Println(stat.Date, stat.ANR, string(stat.Data))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

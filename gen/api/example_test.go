package api_test

import (
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/gen/api"
)

// The body of a batch, as POST /api/v1/stats/ takes it.
func Example() {
	batch := []api.NewStats{{
		ANR:  uuid.MustParse("5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"),
		Type: "threat",
		Date: types.Date{Time: time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)},
		Data: json.RawMessage(`[]`),
	}}
	body, err := json.Marshal(batch)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	// Output: [{"anr":"5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11","data":[],"date":"2026-03-01","type":"threat"}]
}

// What callers write in several ways is read into one form.
func ExampleStatsQuery() {
	const written = `{"get_last": "1", "limit": "10", "anrs": "5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"}`
	var query api.StatsQuery
	if err := json.Unmarshal([]byte(written), &query); err != nil {
		log.Fatal(err)
	}
	body, err := json.Marshal(query)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	// Output: {"anrs":["5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"],"get_last":true,"limit":10}
}

// GET /api/v1/stats/{anr} answers one stats or, without uuid, an array.
func ExampleStatsOrArray() {
	const answered = `[{"type":"risk","date":"2026-03-01"},{"type":"threat","date":"2026-02-01"}]`
	var answer api.StatsOrArray
	if err := json.Unmarshal([]byte(answered), &answer); err != nil {
		log.Fatal(err)
	}
	all, err := answer.AsStatsArray()
	if err != nil {
		log.Fatal(err)
	}
	for _, stats := range all {
		fmt.Println(stats.Date, stats.Type)
	}
	// Output:
	// 2026-03-01 risk
	// 2026-02-01 threat
}

func ExampleParseUUIDs() {
	ids, err := api.ParseUUIDs([]string{"5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11, b402d4d8-4576-11e9-9173-0800277f0571"})
	fmt.Println(len(ids), err)
	_, err = api.ParseUUIDs([]string{"all"})
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// element 0 must be a UUID such as 2f5a9e4e-3c1b-4a3e-9b0a-6d4f1c2b7a10
}

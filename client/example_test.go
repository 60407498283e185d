// SPDX-License-Identifier: AGPL-3.0-or-later

package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
	"github.com/monarc-project/stats-service/client/data"
)

// exampleService stands in for a service: it knows one key, has one stat of an
// analysis, takes any batch and has one result.
func exampleService() *httptest.Server {
	const stat = `{"uuid":"2f5a9e4e-3c1b-4a3e-9b0a-6d4f1c2b7a10","anr":"5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11","type":"threat",
		"date":"2026-03-01","data":[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","label2":"Theft","count":2,"maxRisk":12,"averageRate":"1.5"}]}`
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/client/me", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-API-KEY") != "secret" {
			reply(w, http.StatusForbidden, `{"message":"The token in the X-API-KEY header is not known here."}`)
			return
		}
		reply(w, http.StatusOK, `{"name":"NC3","role":"1","token":"secret","is_sharing_enabled":true}`)
	})
	mux.HandleFunc("GET /api/v1/stats/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, `{"data":[`+stat+`],"metadata":{"count":"1","limit":"500","offset":"0"}}`)
	})
	mux.HandleFunc("POST /api/v1/stats/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusCreated, `{"data":[`+stat+`],"metadata":{"count":"1","limit":"0","offset":"0"}}`)
	})
	mux.HandleFunc("DELETE /api/v1/stats/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusNotFound, `{"message":"There is no such stat."}`)
	})
	mux.HandleFunc("GET /api/v1/stats/processed/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, `{"type":"risk","processor":"risk_averages_on_date","data":{"current":{"informational":
			{"High risks":[{"date":"2026-03-01","value":17}]}}}}`)
	})
	return httptest.NewServer(mux)
}

func Example() {
	service := exampleService()
	defer service.Close()

	stats, err := client.New(service.URL, "secret")
	if err != nil {
		log.Fatal(err)
	}
	for stat, err := range stats.All(context.Background(), client.Query{Type: client.TypeThreat}) {
		if err != nil {
			log.Fatal(err)
		}
		threats, err := client.Decode[data.Threats](stat)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(stat.Date, threats[0].English, threats[0].Count)
	}
	// Output: 2026-03-01 Theft 2
}

// The server may be written as it is deployed. Options say how to get there.
func ExampleNew() {
	service := exampleService()
	defer service.Close()

	stats, err := client.New(service.URL+"//api/v1/", "secret",
		client.WithUserAgent("my-program/1.0"),
		client.WithTimeout(5*time.Second),
		client.WithRetry(client.Retry{Attempts: 3, Notify: func(err *client.Error, attempt int, pause time.Duration) {
			log.Printf("attempt %d failed, next in %s: %v", attempt, pause, err)
		}}))
	if err != nil {
		log.Fatal(err)
	}
	me, err := stats.Me(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(me.Name, me.Admin())
	// Output: NC3 false
}

// Stats are stored in batches. Posting the same again changes nothing.
func ExampleClient_Post() {
	service := exampleService()
	defer service.Close()
	stats, err := client.New(service.URL, "secret")
	if err != nil {
		log.Fatal(err)
	}

	analysis := uuid.MustParse("5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11")
	day := client.Day(time.Date(2026, time.March, 1, 18, 0, 0, 0, time.UTC))
	stat, err := client.NewStat(analysis, day, data.Threats{{
		UUID: "b402d4d8-4576-11e9-9173-0800277f0571", Labels: data.Labels{English: "Theft"},
		Count: 2, MaxRisk: 12, AverageRate: 1.5,
	}})
	if err != nil {
		log.Fatal(err)
	}
	posted, err := stats.Post(context.Background(), stat)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(posted.Stats), posted.Stats[0].UUID)
	// Output: 1 2f5a9e4e-3c1b-4a3e-9b0a-6d4f1c2b7a10
}

// Results are typed by the processor that made them.
func ExampleClient_Processed() {
	service := exampleService()
	defer service.Close()
	stats, err := client.New(service.URL, "secret")
	if err != nil {
		log.Fatal(err)
	}

	result, err := stats.Processed(context.Background(), client.Processing{
		Processor: client.RiskAveragesOnDate,
		Params:    map[string]string{"risks_state": data.Current, "risks_type": data.Informational},
	})
	if err != nil {
		log.Fatal(err)
	}
	var risks data.RiskSeries
	if err := result.Decode(&risks); err != nil {
		log.Fatal(err)
	}
	for _, point := range risks[data.Current][data.Informational][data.HighRisks] {
		fmt.Println(point.Date, point.Value)
	}
	// Output: 2026-03-01 17
}

// errors.Is tells what a refusal is about, and the *Error all that was said.
func ExampleError() {
	service := exampleService()
	defer service.Close()
	stats, err := client.New(service.URL, "secret")
	if err != nil {
		log.Fatal(err)
	}

	err = stats.Delete(context.Background(), uuid.MustParse("5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"))
	if errors.Is(err, client.ErrNotFound) {
		fmt.Println("nothing to delete")
	}
	var failed *client.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Status, failed.Message, failed.Temporary())
	}
	// Output:
	// nothing to delete
	// 404 There is no such stat. false
}

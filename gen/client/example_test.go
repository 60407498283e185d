package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monarc-project/stats-service/gen/api"
	"github.com/monarc-project/stats-service/gen/client"
)

// newService stands in for a service: it knows one key, takes any batch and has
// one result.
func newService() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/client/me", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-API-KEY") != "secret" {
			reply(w, http.StatusForbidden, `{"message":"The token in the X-API-KEY header is not known here."}`)
			return
		}
		reply(w, http.StatusOK, `{"name":"NC3","role":"user","token":"secret","is_sharing_enabled":true}`)
	})
	mux.HandleFunc("POST /api/v1/stats/", func(w http.ResponseWriter, r *http.Request) {
		var batch []api.NewStats
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			reply(w, http.StatusBadRequest, `{"message":"The body is not JSON."}`)
			return
		}
		reply(w, http.StatusCreated, fmt.Sprintf(`{"data":[],"metadata":{"count":"%d","limit":"0","offset":"0"}}`, len(batch)))
	})
	mux.HandleFunc("GET /api/v1/stats/processed/", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, `{"type":"risk","processor":"risk_averages_on_date","data":{"current":{"informational":
			{"High risks":[{"date":"2026-03-01","value":17}]}}}}`)
	})
	return httptest.NewServer(mux)
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

// Who does the service take me for?
func Example() {
	service := newService()
	defer service.Close()

	stats, err := client.New(service.URL, "secret")
	if err != nil {
		log.Fatal(err)
	}
	result, err := stats.ClientGetWithResponse(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := client.ErrorOf(result); err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.JSON200.Name, result.JSON200.Role)
	// Output: NC3 user
}

// The server may be written as it is deployed, and options of the generated
// client can follow the key.
func ExampleNew() {
	service := newService()
	defer service.Close()

	stats, err := client.New(service.URL+"//api/v1/", "secret", client.WithHTTPClient(&http.Client{Timeout: 5 * time.Second}))
	if err != nil {
		log.Fatal(err)
	}
	result, err := stats.ClientGetWithResponse(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Status())
	// Output: 200 OK
}

// WithAPIKey also authenticates a client that is made without New; then the
// URL has to be that of the API.
func ExampleWithAPIKey() {
	service := newService()
	defer service.Close()

	stats, err := client.NewClientWithResponses(service.URL+"/api/v1", client.WithAPIKey("secret"))
	if err != nil {
		log.Fatal(err)
	}
	result, err := stats.ClientGetWithResponse(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.JSON200.Name)
	// Output: NC3
}

func ExampleErrorOf() {
	service := newService()
	defer service.Close()

	stats, err := client.New(service.URL, "unknown")
	if err != nil {
		log.Fatal(err)
	}
	result, err := stats.ClientGetWithResponse(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.ErrorOf(result))
	// Output: the stats service answered 403 Forbidden: The token in the X-API-KEY header is not known here.
}

// Statistics are sent in batches, which are stored as a whole or not at all.
func ExampleClientWithResponses_CreateStatsWithResponse() {
	service := newService()
	defer service.Close()
	stats, err := client.New(service.URL, "secret")
	if err != nil {
		log.Fatal(err)
	}

	batch := []api.NewStats{{
		ANR:  uuid.MustParse("5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11"),
		Type: "threat",
		Date: types.Date{Time: time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)},
		Data: json.RawMessage(`[{"uuid":"b402d4d8-4576-11e9-9173-0800277f0571","label1":"Vol","count":2,"maxRisk":12,"averageRate":"1.5"}]`),
	}}
	result, err := stats.CreateStatsWithResponse(context.Background(), nil, batch)
	if err != nil {
		log.Fatal(err)
	}
	if err := client.ErrorOf(result); err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored:", result.JSON201.Metadata.Count)
	// Output: stored: 1
}

// Filters go into the body, where they have their types.
func ExampleClientWithResponses_ProcessingListWithResponse() {
	service := newService()
	defer service.Close()
	stats, err := client.New(service.URL, "secret")
	if err != nil {
		log.Fatal(err)
	}

	result, err := stats.ProcessingListWithResponse(context.Background(), nil, api.ProcessingQuery{
		Type:            "risk",
		Processor:       "risk_averages_on_date",
		ProcessorParams: json.RawMessage(`{"risks_state":"current","risks_type":"informational"}`),
		ANRs:            api.UUIDs{uuid.MustParse("5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11")},
		DateFrom:        "2026-03-01",
		DateTo:          "2026-03-31",
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.ErrorOf(result); err != nil {
		log.Fatal(err)
	}
	var means map[string]map[string]map[string][]struct {
		Date  string
		Value float64
	}
	if err := json.Unmarshal(result.JSON200.Data, &means); err != nil {
		log.Fatal(err)
	}
	fmt.Println(means["current"]["informational"]["High risks"])
	// Output: [{2026-03-01 17}]
}

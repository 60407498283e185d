package httpapi

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/gen/api"
)

func TestDecodeUsual(t *testing.T) {
	t.Parallel()
	const anr, date = `"anr":"b402d4e0-4576-11e9-9173-0800277f0571"`, `"date":"2024-05-31"`
	tests := map[string]struct {
		value string
		usual bool
	}{
		"as front offices write it": {`{` + anr + `,"type":"risk",` + date + `,"data":{"a":[1,{"b":"}]\\\"{"}]}}`, true},
		"with space":                {" {\n\t" + anr + ` , "data" : [ ] , ` + date + ` } `, true},
		"with a uuid":               {`{"uuid":"11111111-1111-4111-8111-111111111111","data":{}}`, true},
		"empty":                     {`{}`, true},
		"twice":                     {`{"type":"a","type":"b"}`, false},
		"data twice":                {`{"data":[],"data":[]}`, false},
		"unknown":                   {`{"client":1}`, false},
		"unknown text":              {`{"client":"1"}`, false},
		"null":                      {`{"uuid":null}`, false},
		"number":                    {`{"type":5}`, false},
		"escaped name":              {`{"t\u0079pe":"risk"}`, false},
		"escaped text":              {`{"type":"r\u0069sk"}`, false},
		"scalar data":               {`{"data":"[]"}`, false},
		"null data":                 {`{"data":null}`, false},
		"malformed id":              {`{"anr":"b402d4e0"}`, false},
		"malformed date":            {`{"date":"31.5.2024"}`, false},
		"list":                      {`[]`, false},
		"text":                      {`"{}"`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got, want api.NewStats
			if usual := decodeUsual([]byte(tt.value), &got); usual != tt.usual {
				t.Fatalf("usual is %v, want %v", usual, tt.usual)
			}
			if !tt.usual {
				return
			}
			if err := json.Unmarshal([]byte(tt.value), &want, strictness); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("item (-want +got):\n%s", diff)
			}
		})
	}
}

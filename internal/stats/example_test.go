// SPDX-License-Identifier: AGPL-3.0-or-later

package stats_test

import (
	"errors"
	"fmt"

	"github.com/monarc-project/stats-service/internal/stats"
)

// A batch is valid as a whole or not at all. Its error names every invalid field.
func ExampleParseBatch() {
	body := []byte(`[{"anr":"f2ba9e1c-3c39-4a5a-9b2f-6f2c4e2b9a01","type":"threat","date":"2026-03-01","data":[
		{"uuid":"b402d4e0-4576-11e9-9173-0800277f0571","label2":"Theft","count":2,"maxRisk":"12","averageRate":"2.5"}]}]`)
	batch, err := stats.ParseBatch(body, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range batch.Items[0].Observations {
		fmt.Println(o.Labels.Name(), o.Values)
	}

	_, err = stats.ParseBatch([]byte(`[{"type":"threats","date":"2026-03-01","data":[]}]`), nil, nil)
	invalid, _ := errors.AsType[*stats.InvalidError](err)
	fmt.Println(invalid.Fields["0.anr"])
	fmt.Println(invalid.Fields["0.type"])
	// Output:
	// Theft [2 12 2.5]
	// is required
	// unknown type "threats": use one of risk, vulnerability, threat, cartography, compliance
}

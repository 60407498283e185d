// SPDX-License-Identifier: AGPL-3.0-or-later

package fieldmask_test

import (
	"fmt"

	"github.com/monarc-project/stats-service/internal/fieldmask"
)

// A caller that needs two members sends their names in the X-Fields header.
func Example() {
	mask, err := fieldmask.Parse("{type,data{count}}")
	if err != nil {
		fmt.Println(err)
		return
	}
	masked, err := mask.Apply(nil, []byte(`{"uuid":"u1","type":"threat","data":[{"uuid":"t1","count":3}]}`))
	fmt.Println(string(masked), err)
	// Output:
	// {"type":"threat","data":[{"count":3}]} <nil>
}

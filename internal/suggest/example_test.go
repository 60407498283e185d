// SPDX-License-Identifier: AGPL-3.0-or-later

package suggest_test

import (
	"fmt"

	"github.com/monarc-project/stats-service/internal/suggest"
)

// An error message proposes the setting that was probably meant.
func ExampleClosest() {
	settings := []string{"DB_HOSTNAME", "INSTANCE_URL", "PORT"}
	fmt.Println(suggest.Closest("INSTANCE_ULR", settings))
	fmt.Println(suggest.Closest("COLOUR", settings) == "")
	// Output:
	// INSTANCE_URL
	// true
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"sync"
	"testing"
)

// TestRunConcurrently is for the race detector.
func TestRunConcurrently(t *testing.T) {
	t.Parallel()
	var runs sync.WaitGroup
	for range 4 {
		runs.Go(func() { output(t, []string{"version", "--json"}) })
		runs.Go(func() { output(t, []string{"client_list", "--help"}) })
	}
	runs.Wait()
}
